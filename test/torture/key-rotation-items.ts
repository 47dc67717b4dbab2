/** What the key rotations and the process that is killed agree on. */

export const ITEMS = 300;

export const createKey = (number: number): Uint8Array => {
  const key = new Uint8Array(32).fill(9);
  new DataView(key.buffer).setInt32(0, number);
  return key;
};

/** Every eleventh value is in a file, of two chunks at most. */
export const createValue = (item: number, revision: number): string =>
  `${item}:${'x'.repeat(item % 11 === 0 ? 3000 + (item % 2) * 70_000 : 50)}:${revision}`;

export const isValue = (item: number, value: unknown): boolean =>
  typeof value === 'string' && value === createValue(item, Number(value.split(':').at(-1)));
