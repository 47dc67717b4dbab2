import { StringDecoder } from 'node:string_decoder';
import { DiskCacheError } from '../engine/index.ts';
import { MAX_LINE_CHARACTERS } from '../engine/internal.ts';

/**
 * Splits a file into lines, as `node:readline` does, but refuses one that no export has: memory holds one line.
 *
 * @throws {DiskCacheError} (as a rejection) `CORRUPT`
 */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    const [first, ...others] = decoder.write(chunk).split('\n');
    rest += first;
    for (const next of others) {
      yield rest;
      rest = next;
    }
    if (rest.length > MAX_LINE_CHARACTERS)
      throw new DiskCacheError(
        'CORRUPT',
        `The file isn't an export: it has a line of more than ${MAX_LINE_CHARACTERS} characters`,
      );
  }
  if (rest !== '') yield rest;
}
