import { readRecord } from '../../../main/engine/journal/record.ts';

/** A damaged file, and from where on no record is as it was; records that are whole behind it have to be reported. */
interface Damaged {
  readonly bytes: Buffer;
  /** The first changed byte. */
  readonly from: number;
  /** The end of the last changed byte in the undamaged file; its length where everything behind `from` is gone. */
  readonly to: number;
}

type Damage = (bytes: Buffer, draw: (limit: number) => number) => Damaged;

const HEAD_BYTES = 32;

/** Offsets of the records of an undamaged file, and where the last one ends. */
export function listRecords(bytes: Buffer): number[] {
  const offsets = [HEAD_BYTES];
  for (let at = HEAD_BYTES, record = readRecord(bytes, at); record !== undefined; record = readRecord(bytes, at)) {
    at += record.bytes;
    offsets.push(at);
  }
  return offsets;
}

function change(bytes: Buffer, from: number, to: number, fill: (at: number) => number): Damaged {
  const damaged = Buffer.from(bytes);
  for (let at = from; at < to; at++) damaged[at] = fill(at);
  return { bytes: damaged, from, to };
}

const gone = (bytes: Buffer, from: number, whole: Buffer): Damaged => ({ bytes, from, to: whole.length });

/** Ways of damaging one file; `draw` returns a number below a limit. */
export const JOURNAL_DAMAGES: Readonly<Record<string, Damage>> = {
  'one bit': (bytes, draw) => {
    const at = draw(bytes.length);
    return change(bytes, at, at + 1, () => bytes[at]! ^ (1 << draw(8)));
  },
  'one bit of the head': (bytes, draw) => {
    const at = draw(HEAD_BYTES);
    return change(bytes, at, at + 1, () => bytes[at]! ^ (1 << draw(8)));
  },
  'a byte of the header of a record': (bytes, draw) => {
    const records = listRecords(bytes);
    const at = records[draw(records.length)]! + draw(24);
    return at < bytes.length ? change(bytes, at, at + 1, () => draw(256)) : gone(bytes, bytes.length, bytes);
  },
  'a long length': (bytes, draw) => {
    const records = listRecords(bytes);
    const at = records[draw(records.length)]! + 4;
    const value = [0, 8, 0x7fffffff, 0xfffffff8, bytes.length, 64 * draw(1000)][draw(6)]!;
    const field = Buffer.alloc(4);
    field.writeUInt32LE(value);
    return at + 4 <= bytes.length
      ? change(bytes, at, at + 4, (to) => field[to - at]!)
      : gone(bytes, bytes.length, bytes);
  },
  zeros: (bytes, draw) => {
    const at = draw(bytes.length);
    return change(bytes, at, Math.min(bytes.length, at + 1 + draw(3000)), () => 0);
  },
  'a sector of zeros': (bytes, draw) => {
    const at = 512 * draw(bytes.length / 512);
    return change(bytes, at, Math.min(bytes.length, at + 512), () => 0);
  },
  noise: (bytes, draw) => {
    const at = draw(bytes.length);
    return change(bytes, at, Math.min(bytes.length, at + 1 + draw(600)), () => draw(256));
  },
  'cut anywhere': (bytes, draw) => {
    const length = draw(bytes.length);
    return gone(bytes.subarray(0, length), length, bytes);
  },
  'cut between two records': (bytes, draw) => {
    const records = listRecords(bytes);
    const length = records[draw(records.length)]!;
    return gone(bytes.subarray(0, length), length, bytes);
  },
  'bytes taken out': (bytes, draw) => {
    const from = draw(bytes.length);
    const to = Math.min(bytes.length, from + 1 + draw(400));
    // What follows keeps its place only if whole words are gone; otherwise it is unreadable.
    const isAligned = (to - from) % 8 === 0;
    return {
      bytes: Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]),
      from,
      to: isAligned ? to : bytes.length,
    };
  },
  'a record taken out': (bytes, draw) => {
    const records = listRecords(bytes);
    const nth = draw(Math.max(1, records.length - 1));
    const [from, to] = [records[nth]!, records[nth + 1] ?? records[nth]!];
    return { bytes: Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]), from, to };
  },
  'a record twice': (bytes, draw) => {
    const records = listRecords(bytes);
    const nth = draw(Math.max(1, records.length - 1));
    const [from, to] = [records[nth]!, records[nth + 1] ?? records[nth]!];
    return { bytes: Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]), from: to, to };
  },
  'two records exchanged': (bytes, draw) => {
    const records = listRecords(bytes);
    if (records.length < 4) return gone(bytes, bytes.length, bytes);
    const nth = draw(records.length - 2);
    const [one, two, end] = [records[nth]!, records[nth + 1]!, records[nth + 2]!];
    const parts = [bytes.subarray(0, one), bytes.subarray(two, end), bytes.subarray(one, two), bytes.subarray(end)];
    return { bytes: Buffer.concat(parts), from: one, to: end };
  },
  'doubled as a whole': (bytes) => ({ bytes: Buffer.concat([bytes, bytes]), from: bytes.length, to: bytes.length }),
  'garbage behind it': (bytes, draw) => {
    const garbage = Buffer.from(Array.from({ length: 1 + draw(5000) }, () => draw(256)));
    return { bytes: Buffer.concat([bytes, garbage]), from: bytes.length, to: bytes.length };
  },
  'zeros behind it': (bytes, draw) => ({
    bytes: Buffer.concat([bytes, Buffer.alloc(1 + draw(100_000))]),
    from: bytes.length,
    to: bytes.length,
  }),
  empty: (bytes) => gone(Buffer.alloc(0), 0, bytes),
};
