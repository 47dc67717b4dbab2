import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { errorMatching } from '../matchers.ts';
import {
  copyAsKilled,
  getUserVersion,
  listJournals,
  listRecords,
  openJournaled,
  readJournal,
  writeJournal,
} from './journal-fixture.ts';

const warnings: string[] = [];
const onWarning = (warning: Error): void =>
  void (warning.name === 'DiskCacheWarning' && warnings.push(warning.message));

beforeEach(() => {
  warnings.length = 0;
  process.on('warning', onWarning);
});
afterEach(() => void process.off('warning', onWarning));

/** Warnings are emitted in the next tick. */
const listWarnings = async (): Promise<readonly string[]> => {
  await new Promise(setImmediate);
  return warnings;
};

/** Returns the directory of a store that was killed with four items in its journal, and one in its database. */
function kill(options: CacheOptions = {}): string {
  using cache = openJournaled(undefined, options);
  for (const key of ['a', 'b', 'c', 'd']) cache.set(key, key);
  return copyAsKilled(cache);
}

const listDamaged = (directory: string): string[] => readdirSync(directory).filter((name) => name.includes('damaged'));

const openForReading = (directory: string) => () => new Cache(directory, { readOnly: true });

const LOSSES: Readonly<Record<string, (directory: string) => void>> = {
  'both files deleted': (directory) => {
    for (const nth of [0, 1]) rmSync(join(directory, `journal-${nth}`));
  },
  'the file with the changes deleted': (directory) => rmSync(join(directory, 'journal-0')),
  'the other file deleted': (directory) => rmSync(join(directory, 'journal-1')),
  'the file with the changes emptied': (directory) => writeJournal(directory, Buffer.alloc(0)),
  'the file with the changes zeroed': (directory) =>
    writeJournal(directory, Buffer.alloc(readJournal(directory).length)),
  'the file with the changes replaced by text': (directory) => writeJournal(directory, Buffer.from('text'.repeat(100))),
  'the other file emptied': (directory) => writeJournal(directory, Buffer.alloc(0), 1),
};

describe.each(['process', 'power'] as const)(
  "a '%s' store that was killed, with its journal lost since",
  (durability) => {
    it.each(Object.entries(LOSSES))(
      '%s: opens with a warning, and check reports it until a repair',
      async (_, lose) => {
        const directory = kill({ durability });
        lose(directory);
        expect(openForReading(directory)).toThrow(errorMatching('READ_ONLY', /open it for writing once/));
        expect(getUserVersion(directory)).toBe(1001);
        const cache = new Cache<string, unknown>(directory);
        const damaged = listDamaged(directory);
        expect(damaged.length).toBeGreaterThan(0);
        expect(await listWarnings()).toHaveLength(damaged.length);
        for (const name of damaged) expect(warnings.join()).toContain(join(directory, name));
        cache.close();
        using again = new Cache<string, unknown>(directory, { exclusive: true });
        const findings = damaged.map((name) =>
          expect.objectContaining({ code: 'database', path: join(directory, name) }),
        );
        expect(again.check()).toEqual(findings);
        expect(again.check({ repair: true })).toEqual(findings);
        expect([again.check(), listDamaged(directory)]).toEqual([[], []]);
        expect(await listWarnings()).toHaveLength(damaged.length);
      },
    );

    it('has nothing to report where the files are whole, whatever was in them', async () => {
      for (const items of [0, 4, 40_000]) {
        using cache = openJournaled(undefined, { durability });
        if (durability === 'power' && items > 4) continue;
        for (let nth = 0; nth < items; nth++) cache.set(`k${nth}`, nth);
        using found = new Cache<string, unknown>(copyAsKilled(cache));
        expect([found.size, found.check()]).toEqual([1 + items, []]);
      }
      expect(await listWarnings()).toEqual([]);
    });
  },
);

/** Flips a bit in the record before the last two. */
function damage(directory: string): void {
  const bytes = readJournal(directory);
  const at = listRecords(bytes).at(-3)! + 90;
  bytes[at] = bytes[at]! ^ 1;
  writeJournal(directory, bytes);
}

describe('a damaged record in the middle of a journal', () => {
  it('is told by the opening, once', async () => {
    const directory = kill();
    damage(directory);
    new Cache<string, unknown>(directory).close();
    new Cache<string, unknown>(directory).close();
    expect(await listWarnings()).toEqual([expect.stringContaining(join(directory, 'journal-0.damaged'))]);
  });

  it('keeps each damaged file, also those of later crashes, until a repair', () => {
    let directory = kill();
    const kept: Buffer[] = [];
    for (const name of ['journal-0.damaged', 'journal-0.damaged-2', 'journal-0.damaged-3']) {
      damage(directory);
      kept.push(readJournal(directory));
      using cache = new Cache<string, unknown>(directory, { exclusive: true });
      expect(listDamaged(directory)).toContain(name);
      for (const key of ['e', 'f', 'g', 'h']) cache.set(key, kept.length);
      directory = copyAsKilled(cache);
    }
    using cache = new Cache<string, unknown>(directory);
    const findings = cache.check({ repair: true });
    expect(findings.map(({ path }) => path)).toEqual(
      ['', '-2', '-3'].map((suffix) => join(directory, `journal-0.damaged${suffix}`)),
    );
    expect([cache.check(), listDamaged(directory)]).toEqual([[], []]);
  });
});

describe('a journal that a newer version has written', () => {
  /** Writes a byte into the first record of journal-0, or its head, with the checksum that fits. */
  function write(directory: string, at: number, value: number): void {
    const bytes = readJournal(directory);
    bytes[at] = value;
    if (at < 32) bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28);
    else bytes.writeUInt32LE(crc32(bytes.subarray(36, 32 + 8 + bytes.readUInt32LE(36))), 32);
    writeJournal(directory, bytes);
  }

  it.each([
    ['another layout', 8, 2],
    ['an operation that this version does not know', 32 + 24, 4],
    ['a kind of keys that this version does not know', 32 + 24 + 1, 9],
  ])('with %s is refused, and nothing is removed', (_, at, value) => {
    const directory = kill();
    write(directory, at, value);
    const before = [readJournal(directory), readJournal(directory, 1)];
    for (const options of [{}, { exclusive: true }, { readOnly: true }])
      expect(() => new Cache(directory, options)).toThrow(errorMatching('UNSUPPORTED_VERSION', 'journal-0'));
    expect([readJournal(directory), readJournal(directory, 1)]).toEqual(before);
    expect([listJournals(directory), getUserVersion(directory)]).toEqual([['journal-0', 'journal-1'], 1001]);
  });

  it('is refused also behind a damaged record', () => {
    const directory = kill();
    const bytes = readJournal(directory);
    const [first, second] = listRecords(bytes) as [number, number];
    bytes[first + 90] = bytes[first + 90]! ^ 1;
    bytes[second + 24] = 7;
    bytes.writeUInt32LE(crc32(bytes.subarray(second + 4, second + 8 + bytes.readUInt32LE(second + 4))), second);
    writeJournal(directory, bytes);
    expect(() => new Cache(directory)).toThrow(errorMatching('UNSUPPORTED_VERSION'));
    expect(existsSync(join(directory, 'journal-0.damaged'))).toBe(false);
  });
});

describe('a reader of a store that was killed with a journal', () => {
  it('sees everything, changes nothing on disk, and leaves the rest to the next writer', () => {
    const directory = kill();
    {
      using reader = new Cache<string, unknown>(directory, { readOnly: true });
      expect([[...reader.keys()], reader.size, reader.get('c')]).toEqual([['first', 'a', 'b', 'c', 'd'], 5, 'c']);
      expect(reader.check()).toEqual([]);
      expect(() => reader.set('e', 1)).toThrow(errorMatching('READ_ONLY'));
    }
    expect([listJournals(directory), getUserVersion(directory)]).toEqual([['journal-0', 'journal-1'], 1001]);
    using cache = new Cache<string, unknown>(directory);
    expect([...cache.keys()]).toEqual(['first', 'a', 'b', 'c', 'd']);
  });

  it('sees what it held at its opening, also when a writer has recovered it since', () => {
    const directory = kill();
    using reader = new Cache<string, unknown>(directory, { readOnly: true });
    {
      using cache = new Cache<string, unknown>(directory, { exclusive: true });
      cache.set('e', 1);
    }
    expect([...reader.keys()]).toEqual(['first', 'a', 'b', 'c', 'd']);
  });

  it('reads files beside the journal, and leaves alone what is in its way', () => {
    using cache = openJournaled();
    cache.set('large', 'x'.repeat(100_000));
    cache.set('small', 1);
    const directory = copyAsKilled(cache);
    cpSync(join(cache.directory, 'values'), join(directory, 'values'), { recursive: true });
    writeFileSync(join(directory, 'journal-0.damaged'), '');
    using reader = new Cache<string, unknown>(directory, { readOnly: true });
    expect([reader.get('small'), reader.get('large')]).toEqual([1, 'x'.repeat(100_000)]);
    expect(reader.check()).toEqual([expect.objectContaining({ path: join(directory, 'journal-0.damaged') })]);
  });
});
