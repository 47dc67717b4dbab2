/*
 * Keys as bytes whose memcmp order is the order of the keys. The scheme is FoundationDB's tuple layer (type byte, then a
 * payload that sorts as bytes, strings ended by 00 with 00 inside written as 00 FF):
 * https://github.com/apple/foundationdb/blob/main/design/tuple.md. The type bytes are our own, so that the order inside
 * arrays is the order of the columns: numbers, strings, then everything else.
 */

/** The first byte of every part. On disk: never renumber; append. Their order is the order of the types. */
export const TYPE = {
  end: 0x00,
  number: 0x10,
  string: 0x20,
  notANumber: 0x30,
  null: 0x38,
  false: 0x40,
  true: 0x41,
  negativeBigint: 0x50,
  bigint: 0x51,
  date: 0x60,
  bytes: 0x70,
  array: 0x80,
  object: 0x90,
} as const;

/** Follows a 00 that is part of a string; larger than every type byte, so a string sorts after the one it continues. */
export const ESCAPED = 0xff;

/** Every bit of a stretch turned over: what sorted upwards sorts downwards. */
export function invert(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at++) bytes[at]! ^= 0xff;
}
