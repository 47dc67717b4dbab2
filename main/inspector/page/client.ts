import type { ErrorInfo, MethodName, Params, Result } from '../contract.ts';

/** An error that the server has answered with, or that the server can't be reached. */
class CallError extends Error {
  readonly code: string;

  constructor({ code, message }: ErrorInfo) {
    super(message);
    this.code = code;
  }
}

const PROOF = 'deskcache-proof';

/**
 * Begins the session if the page was opened by a link with a token, which works once; the link is then replaced. In a window of an application there is
 * no token, and none is needed.
 */
export async function beginSession(): Promise<void> {
  const token = location.hash.slice(1);
  if (token === '' || token.startsWith('/')) return;
  history.replaceState(null, '', '#/');
  const { proof } = (await post('session', { token })) as { readonly proof: string };
  // Kept for this tab and this origin, port included, so that the page can be reloaded.
  sessionStorage.setItem(PROOF, proof);
}

/** @throws {CallError} */
export const call = <M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> =>
  post(method, params) as Promise<Result<M>>;

/** Returns an image as a URL of this page; pass it to `URL.revokeObjectURL` after it was shown. */
export async function loadImage(params: Params<'value'>): Promise<string> {
  const response = await send('image', params);
  return URL.createObjectURL(await response.blob());
}

const post = async (name: string, params: object): Promise<unknown> => (await send(name, params)).json();

async function send(name: string, params: object): Promise<Response> {
  const proof = sessionStorage.getItem(PROOF);
  const response = await fetch(`/api/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(proof !== null && { 'x-deskcache-proof': proof }) },
    body: JSON.stringify(params),
  }).catch(() => {
    throw new CallError({ code: 'DISCONNECTED', message: 'The inspector was closed where it was opened' });
  });
  if (response.ok) return response;
  const { error } = (await response.json()) as { readonly error: ErrorInfo };
  throw new CallError(error);
}
