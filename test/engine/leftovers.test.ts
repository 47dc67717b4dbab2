import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const INTERRUPTED_STREAMS = new URL('./interrupted-streams.ts', import.meta.url);
const HOUR_MS = 3_600_000;

const getStageFolder = (directory: string): string[] => readdirSync(join(directory, 'values', 'stage'));

/** A process that has stored half a stream, and waits. */
async function startStream(directory: string): Promise<ChildProcess> {
  const child = fork(INTERRUPTED_STREAMS, [directory], { execArgv: [] });
  await once(child, 'message');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A file with a name as an older version, or another machine, gives it, last written to so long ago. */
function createOldFile(folder: string, digits: number, age = 0): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${randomBytes(digits / 2).toString('hex')}.val`);
  writeFileSync(path, 'left behind');
  const at = (Date.now() - age) / 1000;
  utimesSync(path, at, at);
  return path;
}

function openOnce(directory: string): void {
  new Cache(directory).close();
}

describe('what killed writers leave behind', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('half streams go with the next opening, and those of a process that lives stay', async () => {
    const directory = freshDirectory();
    openOnce(directory);
    const [victim, living] = [await startStream(directory), await startStream(directory)];
    expect(getStageFolder(directory)).toHaveLength(2);
    await kill(victim);
    openOnce(directory);
    expect(getStageFolder(directory)).toHaveLength(1);
    living.send('go on');
    await once(living, 'exit');
    using cache = new Cache(directory);
    expect(cache.get('half')).toEqual(new Uint8Array(200_000).fill(7));
    expect(getStageFolder(directory)).toEqual([]);
  });

  it('staged files of an unknown writer go when they were not written to for an hour', () => {
    const directory = freshDirectory();
    openOnce(directory);
    const stage = join(directory, 'values', 'stage');
    const old = createOldFile(stage, 32, 2 * HOUR_MS);
    const ahead = createOldFile(stage, 32, -2 * HOUR_MS);
    const fresh = createOldFile(stage, 32);
    openOnce(directory);
    expect([old, ahead, fresh].map(existsSync)).toEqual([false, false, true]);
  });

  it('orphans go within a few openings, and files of items stay', () => {
    const directory = freshDirectory();
    {
      using cache = new Cache(directory);
      for (let n = 0; n < 5; n++) cache.set(`k${n}`, 'x'.repeat(40_000));
    }
    const orphans = Array.from({ length: 32 }, (_, n) =>
      createOldFile(join(directory, 'values', (n * 8).toString(16).padStart(2, '0')), 30),
    );
    for (let opening = 0; opening < 6; opening++) openOnce(directory);
    expect(orphans.filter(existsSync)).toEqual([]);
    using cache = new Cache(directory);
    expect(cache.check()).toEqual([]);
    expect(cache.size).toBe(5);
  });

  it('everything goes in a store that stays open and is not written to', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const directory = freshDirectory();
    using cache = new Cache(directory);
    cache.set('k', 'x'.repeat(40_000));
    const old = createOldFile(join(directory, 'values', 'stage'), 32, 2 * HOUR_MS);
    const orphans = Array.from({ length: 20 }, (_, n) =>
      createOldFile(join(directory, 'values', (n + 16).toString(16)), 30),
    );
    vi.advanceTimersByTime(24 * HOUR_MS);
    expect([old, ...orphans].filter(existsSync)).toEqual([]);
    expect(cache.check()).toEqual([]);
  });

  it('leases of the dead go', () => {
    const directory = freshDirectory();
    openOnce(directory);
    const database = new Database(join(directory, 'cache.db'));
    database.exec("INSERT INTO lease VALUES (x'8000', '{}', 1, unixepoch() - 1), (x'8001', '{}', 1, unixepoch() + 20)");
    openOnce(directory);
    expect(database.prepare('SELECT hex(name) FROM lease').pluck().all()).toEqual(['8001']);
    database.close();
  });

  it('nothing is written down where there are no files', () => {
    const directory = freshDirectory();
    openOnce(directory);
    const database = new Database(join(directory, 'cache.db'));
    const version = () => database.pragma('data_version', { simple: true });
    const before = version();
    openOnce(directory);
    expect(version()).toBe(before);
    database.close();
  });
});
