/** Whether a field's value has the same bytes in all encodings. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: what ASCII is
export const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);

/**
 * Returns a field's value as `fetch` has it, one character per byte. Electron decodes the bytes as UTF-8, and `Headers` throws for
 * characters above U+00FF. Bytes that are not UTF-8 are lost by then: each is U+FFFD.
 */
export const toByteString = (text: string): string =>
  isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
