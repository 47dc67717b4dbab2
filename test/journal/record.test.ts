import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JournalFile, parseHead } from '../../main/engine/journal/journal-file.ts';
import { type JournalChange, RecordWriter, readRecord } from '../../main/engine/journal/record.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const set: JournalChange = {
  key: 'k',
  isDeleted: false,
  isTouch: false,
  mode: 0,
  id: 7,
  expiresAt: null,
  now: 1000,
  stamp: 1000.25,
  check: -5,
  size: 3,
  tag: null,
  data: 'ä!',
};
const changes: readonly JournalChange[] = [
  set,
  { ...set, key: 1.5, data: Number.NEGATIVE_INFINITY, tag: 'group', expiresAt: 2000 },
  { ...set, key: Buffer.of(0x80, 0), data: Buffer.of(1, 2, 3), tag: Buffer.from('kept'), mode: 66 },
  { ...set, data: null, isDeleted: true, tag: 3 },
  { ...set, key: '', data: '' },
  { ...set, key: '', data: Buffer.alloc(0) },
  { ...set, isTouch: true, data: null, expiresAt: 5000 },
];

function encode(number: number, added: readonly JournalChange[]): Buffer {
  const writer = new RecordWriter();
  writer.begin();
  for (const change of added) writer.add(change);
  writer.finish(number);
  return Buffer.from(writer.buffer.subarray(0, writer.length));
}

it('the head of a journal is on disk as it has always been', () => {
  const path = join(freshDirectory(), 'journal-0');
  const file = new JournalFile(path);
  file.begin(42);
  file.close();
  expect(readFileSync(path).toString('hex')).toMatchInlineSnapshot(
    `"646b63686a726e6c0100000000000000000000000000454000000000b0f9dcab"`,
  );
  expect(parseHead(readFileSync(path))).toEqual({ layout: 1, firstNumber: 42 });
});

describe('a record of the journal', () => {
  it('has every change as it was', () => {
    const bytes = encode(42, changes);
    expect(readRecord(bytes, 0)).toEqual({ number: 42, changes, bytes: bytes.length });
  });

  it('is found behind another one, and not beyond the end', () => {
    const first = encode(1, [set]);
    const both = Buffer.concat([first, encode(2, changes)]);
    expect(readRecord(both, first.length)).toMatchObject({ number: 2, changes });
    expect(readRecord(both, both.length)).toBeUndefined();
  });

  it('may be larger than the memory of the writer', () => {
    const large = Array.from({ length: 100 }, (_, nth) => ({ ...set, key: `k${nth}`, data: 'ß'.repeat(8000) }));
    expect(readRecord(encode(3, large), 0)?.changes).toEqual(large);
  });

  it('is not read where any byte differs, or where it is cut', () => {
    const bytes = encode(42, changes);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = damaged[at]! ^ 0x10;
      expect(readRecord(damaged, 0)).toBeUndefined();
      expect(readRecord(bytes.subarray(0, at), 0)).toBeUndefined();
    }
  });

  it('is on disk as it has always been', () => {
    expect(encode(42, changes.slice(0, 4)).toString('hex')).toMatchInlineSnapshot(
      `"9e21c925500100000000000000004540040000000000000001010100000000000000000000001c40000000000000f07f0000000000408f400000000000428f4000000000000014c0010000000300000000000000030000006bc3a4210000000001020201000000000000000000001c400000000000409f400000000000408f400000000000428f4000000000000014c008000000080000000500000003000000000000000000f83f000000000000f0ff67726f757000000001030303420000000000000000001c40000000000000f07f0000000000408f400000000000428f4000000000000014c00200000003000000040000000300000080000102036b6570740000000000000002010002000000000000000000001c40000000000000f07f0000000000408f400000000000428f4000000000000014c0010000000000000008000000030000006b000000000000084000000000000000"`,
    );
  });

  it('of a touch is on disk as it has always been', () => {
    expect(encode(43, changes.slice(6)).toString('hex')).toMatchInlineSnapshot(
      `"249e123e580000000000000000804540010000000000000003010000000000000000000000001c40000000000088b3400000000000408f400000000000428f4000000000000014c0010000000000000000000000030000006b00000000000000"`,
    );
  });
});
