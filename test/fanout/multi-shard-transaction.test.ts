import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { getShardIndex } from '../../main/engine/fanout/open-fanout.ts';
import { FanoutCache } from '../../main/engine/index.ts';
import { mountAt, mountSmallDisk } from '../diskcache-regressions/small-disk.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const SHARDS = 3;
const open = (directory = freshDirectory(), timeout = 5000) =>
  new FanoutCache<string, unknown>(directory, { shards: SHARDS, timeout });

/** A key for each shard. */
const KEYS = Array.from({ length: SHARDS }, (_, shard) => {
  for (let n = 0; ; n++) if (getShardIndex(`key ${n}`, SHARDS) === shard) return `key ${n}`;
}) as [string, string, string];

const probe = mountSmallDisk(1024 * 1024);
probe?.[Symbol.dispose]();

const large = new Uint8Array(100_000).fill(3);

describe('transact over shards', () => {
  it('keeps everything or nothing, files too', () => {
    using fanout = open();
    for (const key of KEYS) fanout.set(key, large);
    const fail = () =>
      fanout.transact(() => {
        for (const key of KEYS) fanout.set(key, 'new');
        fanout.delete(KEYS[1]);
        expect(fanout.getMany(KEYS)).toEqual(['new', undefined, 'new']);
        expect([fanout.size, [...fanout.values()].length, fanout.inTransaction]).toEqual([2, 2, true]);
        throw new Error('on purpose');
      });
    expect(fail).toThrow('on purpose');
    expect(fanout.inTransaction).toBe(false);
    expect(fanout.getMany(KEYS)).toEqual([large, large, large]);
    expect(fanout.check()).toEqual([]);
    expect(fanout.transact(() => KEYS.map((key) => fanout.pop(key)).length)).toBe(SHARDS);
    expect(fanout.size).toBe(0);
  });

  it('nested can fail alone, with the shards it brought in', () => {
    using fanout = open();
    fanout.transact(() => {
      fanout.set(KEYS[0], 'outer');
      fanout.transact(() => fanout.set(KEYS[1], 'inner'));
      const fail = () =>
        fanout.transact(() => {
          fanout.set(KEYS[0], 'lost');
          fanout.set(KEYS[1], 'lost');
          fanout.set(KEYS[2], 'lost');
          fanout.transact(() => fanout.set(KEYS[2], 'lost deeper'));
          throw new Error('on purpose');
        });
      expect(fail).toThrow('on purpose');
      expect(fanout.getMany(KEYS)).toEqual(['outer', 'inner', undefined]);
      fanout.set(KEYS[2], 'after');
    });
    expect(fanout.getMany(KEYS)).toEqual(['outer', 'inner', 'after']);
  });

  it('refuses a promise and undoes what it had done', () => {
    using fanout = open();
    const promising = () => fanout.transact((() => Promise.resolve(fanout.set(KEYS[2], 1))) as never);
    expect(promising).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    const inner = () => fanout.transact(() => void fanout.transact((async () => fanout.set(KEYS[1], 1)) as never));
    expect(inner).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(fanout.size).toBe(0);
    expect(() => fanout.transact(5 as unknown as () => void)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(() => fanout.transact(() => fanout.close())).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    fanout.set(KEYS[1], 1);
    expect(fanout.size).toBe(1);
  });

  it('does not begin, and leaves nothing behind, when one of the shards is locked', () => {
    using fanout = open(freshDirectory(), 30);
    const other = new Database(`${fanout.directory}/shards/001/cache.db`);
    other.exec('BEGIN IMMEDIATE');
    const write = () => fanout.setMany(KEYS.map((key) => [key, 1] as const));
    expect(write).toThrow(expect.objectContaining({ code: 'BUSY' }));
    expect([fanout.get(KEYS[0]), fanout.get(KEYS[2])]).toEqual([undefined, undefined]);
    fanout.set(KEYS[2], 'one shard is enough for it');
    other.exec('COMMIT');
    other.close();
    write();
    expect(fanout.getMany(KEYS)).toEqual([1, 1, 1]);
  });

  it.skipIf(probe === undefined)(
    'keeps what was committed before a shard fails to, undoes the rest, and goes on (root on Linux)',
    () => {
      const directory = freshDirectory();
      using disk = mountSmallDisk(512 * 1024)!;
      mkdirSync(join(directory, 'shards'));
      using _mounted = mountAt(disk.path, join(directory, 'shards', '001'));
      using fanout = open(directory);
      for (const key of KEYS) fanout.set(key, 'old');
      const giveBack = disk.fill();
      const write = () => fanout.setMany(KEYS.map((key) => [key, 'x'.repeat(20_000)] as const));
      // Rows go to the disk with the commit, so it is that of the second shard that fails.
      expect(write).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
      expect(fanout.getMany(KEYS)).toEqual(['x'.repeat(20_000), 'old', 'old']);
      expect([fanout.inTransaction, fanout.check()]).toEqual([false, []]);
      using beside = open(directory, 0);
      beside.set(KEYS[0], 'no lock is left');
      beside.set(KEYS[2], 'no lock is left');
      giveBack();
      write();
      expect(beside.getMany(KEYS)).toEqual(KEYS.map(() => 'x'.repeat(20_000)));
    },
  );

  it('locks only what it touches, and the first shard', () => {
    using fanout = open();
    using beside = open(fanout.directory, 20);
    fanout.transact(() => {
      fanout.set(KEYS[1], 1);
      beside.set(KEYS[2], 2);
      expect(() => beside.set(KEYS[1], 2)).toThrow(expect.objectContaining({ code: 'BUSY' }));
      expect(() => beside.transact(() => 1)).toThrow(expect.objectContaining({ code: 'BUSY' }));
    });
    expect(beside.getMany(KEYS)).toEqual([undefined, 1, 2]);
  });

  it('is what update, setMany and deleteMany are', () => {
    using fanout = open();
    const fail = () =>
      fanout.update(KEYS[0], () => {
        fanout.set(KEYS[1], 'lost');
        throw new Error('on purpose');
      });
    expect(fail).toThrow('on purpose');
    const bad = KEYS.map((key, n) => [key, n === 2 ? ((() => 1) as never) : n] as const);
    expect(() => fanout.setMany(bad)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
    expect(fanout.size).toBe(0);
    fanout.setMany(KEYS.map((key) => [key, 1] as const));
    expect(() => fanout.deleteMany([KEYS[0], (() => 1) as unknown as string])).toThrow(
      expect.objectContaining({ code: 'BAD_KEY' }),
    );
    expect(fanout.size).toBe(3);
  });
});
