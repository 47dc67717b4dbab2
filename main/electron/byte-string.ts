/** Whether a field's value is the same in all encodings. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: what ASCII is
export const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);

/**
 * A field's value as `fetch` has it, a character per byte. Electron decodes the bytes as UTF-8, and `Headers` refuses what is above
 * U+00FF then. Bytes that are not UTF-8 are lost before: each is U+FFFD.
 */
export const toByteString = (text: string): string =>
  isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
