import type { ApiResponse } from '../../model/stores.ts';
import type { Resource } from './resources.ts';

/** What an answer says. Throws an `Error` with a message for a person when it is not what the resource is. */
export function dataOf<T>(resource: Resource<T>, { json }: ApiResponse): T {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch (error) {
    throw new Error('the server’s answer is not JSON', { cause: error });
  }
  if (!resource.accepts(body)) throw new Error('the server’s answer makes no sense');
  return body;
}

/** The answer of a response, as it is kept. */
export async function answerOf(response: Response): Promise<ApiResponse> {
  const etag = response.headers.get('etag');
  return { json: await response.text(), fetchedAt: Date.now(), ...(etag !== null && { etag }) };
}
