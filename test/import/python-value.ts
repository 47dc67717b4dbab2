import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const FIXTURES = join(import.meta.dirname, 'fixtures');

/** A value of Python as vectors.json and pickles.json describe it. */
export type TaggedValue =
  | { readonly t: 'none' }
  | { readonly t: 'bool'; readonly v: boolean }
  | { readonly t: 'int' | 'float' | 'str'; readonly v: string }
  | { readonly t: 'bytes'; readonly hex: string }
  | { readonly t: 'list' | 'tuple' | 'set'; readonly v: readonly TaggedValue[] }
  | { readonly t: 'dict' | 'OrderedDict'; readonly v: readonly (readonly [TaggedValue, TaggedValue])[] }
  | { readonly t: 'range'; readonly n: number };

/** Returns the value that an import makes of it. */
export function toImported(value: TaggedValue): unknown {
  switch (value.t) {
    case 'none':
      return null;
    case 'bool':
    case 'str':
      return value.v;
    case 'int':
      return Number.isSafeInteger(Number(value.v)) ? Number(value.v) : BigInt(value.v);
    case 'float':
      return value.v.endsWith('inf') ? Number(value.v.replace('inf', 'Infinity')) : Number(value.v);
    case 'bytes':
      return Uint8Array.from(Buffer.from(value.hex, 'hex'));
    case 'list':
    case 'tuple':
      return value.v.map(toImported);
    case 'set':
      return new Set(value.v.map(toImported));
    case 'dict':
    case 'OrderedDict': {
      const entries = value.v.map(([key, item]) => [toImported(key), toImported(item)] as const);
      return entries.every(([key]) => typeof key === 'string')
        ? Object.fromEntries(entries as [string, unknown][])
        : new Map(entries);
    }
    case 'range':
      return Array.from({ length: value.n }, (_, at) => at);
  }
}

export const readFixture = <T>(name: string): T => JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')) as T;
