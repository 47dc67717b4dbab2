import { lookup } from 'mrmime';
import type { Key } from '../engine/index.ts';

/**
 * The media type of an item: by the extension of its key (of an array's last element), in the list of `mrmime`; without one
 * plain text for a text, and bytes without a meaning for bytes. A text is stored as UTF-8, and bytes of a text are taken for it.
 */
export function contentTypeOf(key: Key, isText: boolean): string {
  const type = typeOf(Array.isArray(key) ? (key as readonly Key[]).at(-1) : key);
  if (type === undefined) return isText ? 'text/plain; charset=utf-8' : 'application/octet-stream';
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

function typeOf(name: Key | undefined): string | undefined {
  const extension = typeof name === 'string' ? /\.([a-z0-9]+)$/i.exec(name)?.[1] : undefined;
  // The list is an object literal: `x.constructor` finds a function in it.
  const type: unknown = extension === undefined ? undefined : lookup(`.${extension}`);
  return typeof type === 'string' ? type : undefined;
}
