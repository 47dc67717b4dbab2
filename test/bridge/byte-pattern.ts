/** Bytes of which no two chunks are alike. */
export function createPattern(bytes: number, seed = 1): Uint8Array {
  const made = new Uint8Array(bytes);
  for (let at = 0, state = seed; at < bytes; at += 97) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    made[at] = state;
  }
  return made;
}

/** Whether it is plain bytes, and these. */
export const equalBytes = (one: unknown, other: Uint8Array) =>
  one instanceof Uint8Array && Buffer.compare(one, other) === 0 && one.constructor === Uint8Array;
