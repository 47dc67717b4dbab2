/**
 * Returns the reason phrase, or an empty one if `new Response` would refuse it: `fetch` decodes whatever bytes a server sends. Clients
 * ignore the phrase (RFC 9112 §4).
 */
export const toReasonPhrase = (statusText: string): string =>
  /^[\t\x20-\x7e\x80-\xff]*$/.test(statusText) ? statusText : '';
