/**
 * What an item is found by. Keys are equal when they are deeply equal: primitives by SameValueZero (`NaN` is a key, `1` and
 * `1n` are two keys), arrays element by element, plain objects whatever the order of their properties.
 */
export type Key =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | readonly Key[]
  | { readonly [name: string]: Key };
