/** Values of 100 bytes as one or the other; the bytes are the same. */
export type ValueForm = 'bytes' | 'text';
export const VALUE_FORMS: readonly ValueForm[] = ['bytes', 'text'];

export type PlainValue = Uint8Array | string;

export const VALUE_BYTES = 100;

/** The total size of the different values, which then repeat: the store is measured, not a heap of fixtures. */
const POOL_BYTES = 2 ** 20;

export const toKey = (index: number): string => `key:${String(index).padStart(8, '0')}`;

/** New key strings, so that no hash computed in an earlier round is stored in them. */
export const toKeys = (indices: Uint32Array): string[] => Array.from(indices, toKey);

/** Numbers from 0 up to 1, the same ones for the same seed. Mulberry32, by Tommy Ettinger, public domain. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` indices below `below`, drawn with repetition. */
export function drawIndices(count: number, below: number, seed: number): Uint32Array {
  const random = createRandom(seed);
  return Uint32Array.from({ length: count }, () => Math.floor(random() * below));
}

/** The indices `from`, …, `to` − 1 in random order (Fisher and Yates). */
export function shuffleIndices(from: number, to: number, seed: number): Uint32Array {
  const random = createRandom(seed);
  const indices = Uint32Array.from({ length: to - from }, (_, offset) => from + offset);
  for (let last = indices.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const swapped = indices[last]!;
    indices[last] = indices[other]!;
    indices[other] = swapped;
  }
  return indices;
}

/** The values of all items, in one form. */
export class Values {
  readonly form: ValueForm;
  readonly bytes: number;
  readonly #pool: readonly PlainValue[];

  constructor(form: ValueForm, bytes: number) {
    this.form = form;
    this.bytes = bytes;
    const all = createValueBytes(bytes);
    this.#pool = Array.from({ length: all.length / bytes }, (_, nth) => {
      const value = all.subarray(nth * bytes, (nth + 1) * bytes);
      return form === 'bytes' ? new Uint8Array(value) : value.toString('latin1');
    });
  }

  at(index: number): PlainValue {
    return this.#pool[index % this.#pool.length]!;
  }

  /** @throws when `value` is not value number `indexMember`. */
  assertValue(index: number, value: unknown): void {
    const expected = this.at(index);
    const equal =
      typeof expected === 'string'
        ? value === expected
        : value instanceof Uint8Array && Buffer.compare(value, expected) === 0;
    if (!equal) throw new Error(`Value number ${index} came back as ${String(value)}`);
  }
}

/** The different values, one after the other; printable characters, so that they are text as well. */
export function createValueBytes(bytes: number): Buffer {
  const random = createRandom(bytes);
  const all = Buffer.alloc(Math.ceil(POOL_BYTES / bytes) * bytes);
  for (let at = 0; at < all.length; at++) all[at] = 32 + Math.floor(random() * 95);
  return all;
}
