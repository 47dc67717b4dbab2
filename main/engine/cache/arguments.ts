import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { SetOptions } from '../../../protocol/options.ts';

// Calls come from pages and from plain JavaScript too, so what the types promise is looked at once more.

export const isRecord = (value: unknown): value is object => typeof value === 'object' && value !== null;

const NONE: SetOptions = {};
const SET_OPTIONS: ReadonlySet<string> = new Set(['ttl', 'tag']);

/** @throws {DiskCacheError} `BAD_OPTION` for what is no object, or has a name that means nothing. */
export function setOptionsOf(options: SetOptions | undefined, others?: ReadonlySet<string>): SetOptions {
  if (options === undefined) return NONE;
  if (!isRecord(options))
    throw new DiskCacheError('BAD_OPTION', 'options have to be an object like { ttl: 1000, tag: "news" }');
  for (const name in options) {
    if (SET_OPTIONS.has(name) || others?.has(name)) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `"${name}" is no option; there are ${[...SET_OPTIONS, ...(others ?? [])].join(', ')}`,
    );
  }
  return options;
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function* entriesOf(entries: Iterable<readonly [Key, unknown]>): Generator<readonly [Key, unknown], void> {
  if (typeof Object(entries)[Symbol.iterator] !== 'function') {
    throw new DiskCacheError('BAD_OPTION', 'setMany takes pairs [key, value]');
  }
  for (const entry of entries) {
    if (!Array.isArray(entry)) throw new DiskCacheError('BAD_OPTION', 'setMany takes pairs [key, value]');
    yield entry as unknown as readonly [Key, unknown];
  }
}

/** @throws {DiskCacheError} `BAD_OPTION` for what is neither a string nor a number. */
export function tagColumn(tag: string | number): string | number {
  if (typeof tag === 'string' || (typeof tag === 'number' && !Number.isNaN(tag))) return tag;
  throw new DiskCacheError('BAD_OPTION', `tag is ${String(tag)}; give a string or a number`);
}
