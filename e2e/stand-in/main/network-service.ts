/**
 * What Chromium's network service does with a request of `net.request` before and after a server is asked (services/network/cors,
 * services/network/public/cpp/cross_origin_resource_policy.cc), as far as the library's requests go.
 */
export interface NetworkRequest {
  readonly request: Request;
  /** The origin that Electron has taken for who asks; undefined for nobody. */
  readonly initiator: string | undefined;
  readonly mode: string;
}

type Send = (request: Request) => Promise<Response>;

const SIMPLE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST']);
const SIMPLE_FIELDS = /^(accept|accept-language|content-language|range)$/;
const FORBIDDEN_FIELDS =
  /^(accept-encoding|connection|content-length|cookie|host|origin|referer|transfer-encoding|sec-.*|proxy-.*)$/;
const SIMPLE_TYPES = /^(application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)(;|$)/i;

/** @throws Error in the words of Chromium's net errors, as `ClientRequest` tells of them. */
export async function throughNetworkService(
  { request, initiator, mode }: NetworkRequest,
  send: Send,
): Promise<Response> {
  const { origin } = new URL(request.url);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (initiator === undefined) {
    if (mode === 'cors' || mode === 'same-origin') throw new Error('net::ERR_INVALID_ARGUMENT');
    return send(request);
  }
  const isCross = initiator !== origin;
  if (mode === 'same-origin' && isCross) throw new Error('net::ERR_FAILED');
  const isChecked = mode === 'cors' && isCross;
  if (isChecked || (!isRead && mode !== 'navigate')) request.headers.set('origin', initiator);
  const unsafe = isChecked ? unsafeFields(request) : [];
  if (isChecked && (unsafe.length > 0 || !SIMPLE_METHODS.has(request.method))) {
    await preflight(request, initiator, unsafe, send);
  }
  const withCredentials = request.credentials === 'include' || (request.credentials === 'same-origin' && !isCross);
  const response = await send(new Request(request, { credentials: withCredentials ? 'include' : 'omit' }));
  const isKept = mode === 'no-cors' && isCross && isKeptFromOthers(response);
  if (isKept || (isChecked && !isAllowed(response, initiator, withCredentials))) {
    await response.body?.cancel();
    throw new Error(isKept ? 'net::ERR_BLOCKED_BY_RESPONSE' : 'net::ERR_FAILED');
  }
  return response;
}

/** Sites are not told from origins here. */
const isKeptFromOthers = ({ headers }: Response): boolean =>
  /^same-(origin|site)$/.test(headers.get('cross-origin-resource-policy') ?? '');

const unsafeFields = ({ headers }: Request): string[] =>
  [...headers]
    .filter(([name, value]) => {
      if (FORBIDDEN_FIELDS.test(name) || SIMPLE_FIELDS.test(name)) return false;
      return name !== 'content-type' || !SIMPLE_TYPES.test(value);
    })
    .map(([name]) => name);

async function preflight(request: Request, initiator: string, unsafe: readonly string[], send: Send): Promise<void> {
  const { url, method, signal } = request;
  const headers = {
    origin: initiator,
    'access-control-request-method': method,
    ...(unsafe.length > 0 && { 'access-control-request-headers': unsafe.join(',') }),
  };
  const answer = await send(
    new Request(url, { method: 'OPTIONS', headers, credentials: 'omit', redirect: 'manual', signal }),
  );
  await answer.body?.cancel();
  const allows = (field: string, wanted: string) => {
    const told = (answer.headers.get(`access-control-allow-${field}`) ?? '').split(',').map((it) => it.trim());
    return told.some((it) => it === '*' || it.toLowerCase() === wanted.toLowerCase());
  };
  const isMethodAllowed = SIMPLE_METHODS.has(method) || allows('methods', method);
  if (
    answer.ok &&
    isAllowed(answer, initiator, false) &&
    isMethodAllowed &&
    unsafe.every((it) => allows('headers', it))
  )
    return;
  throw new Error('net::ERR_FAILED');
}

function isAllowed({ headers }: Response, initiator: string, withCredentials: boolean): boolean {
  const origin = headers.get('access-control-allow-origin');
  if (!withCredentials) return origin === '*' || origin === initiator;
  return origin === initiator && headers.get('access-control-allow-credentials') === 'true';
}
