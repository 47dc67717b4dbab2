/**
 * Returns the reason phrase as it is, or an empty one for a text that `new Response` refuses: what `fetch` has decoded, of a server that
 * sends another language, may hold any character. It means nothing to a client (RFC 9112 §4).
 */
export const toReasonPhrase = (statusText: string): string =>
  /^[\t\x20-\x7e\x80-\xff]*$/.test(statusText) ? statusText : '';
