import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { clear } from '../../main/engine/cache/delete.ts';
import { closeCore, openCore } from '../../main/engine/cache/open.ts';
import { get } from '../../main/engine/cache/read.ts';
import { transact } from '../../main/engine/cache/transaction.ts';
import { set } from '../../main/engine/cache/write.ts';
import { Cache, type Change } from '../../main/engine/index.ts';
import { ReadSnapshot } from '../../main/engine/sqlite/connection.ts';
import { Queue } from '../../main/queue/index.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { errorMatching } from '../matchers.ts';
import { waitUntil } from '../queue/queue-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

/** What left the engine where nobody could catch it, and what it warned of. */
const uncaughtErrors: unknown[] = [];
const warnings: string[] = [];
const onUncaught = (error: unknown) => uncaughtErrors.push(error);
const onWarning = (warning: Error) => {
  if (warning.name === 'DiskCacheWarning') warnings.push(warning.message);
};

beforeEach(() => {
  process.on('uncaughtException', onUncaught).on('unhandledRejection', onUncaught).on('warning', onWarning);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  await waitTurns();
  process.off('uncaughtException', onUncaught).off('unhandledRejection', onUncaught).off('warning', onWarning);
  vi.restoreAllMocks();
  vi.useRealTimers();
  expect(uncaughtErrors.splice(0)).toEqual([]);
  warnings.length = 0;
});

const waitTurns = async (): Promise<void> => {
  for (let nth = 0; nth < 3; nth++) await new Promise((resolve) => setImmediate(resolve));
};

const broken = new DiskCacheError('CORRUPT', 'broken on purpose');
const throwError = (): never => {
  throw broken;
};

describe('a damaged page', () => {
  it('is thrown to every reader as a DiskCacheError, and nowhere else', async () => {
    const directory = freshDirectory();
    const first = new Cache<number, string>(directory);
    for (let key = 0; key < 2000; key++) first.set(key, 'v'.repeat(200) + key);
    first.close();
    const file = openSync(join(directory, 'cache.db'), 'r+');
    writeSync(file, Buffer.alloc(12 * 4096, 0xee), 0, 12 * 4096, 20 * 4096);
    closeSync(file);
    const cache = new Cache<number, string>(directory);
    const told = new Set<string>();
    for (let key = 0; key < 2000; key++) {
      try {
        cache.get(key);
      } catch (error) {
        told.add(error instanceof DiskCacheError ? error.code : `${error}`);
      }
      // Each in a turn of its own, whose end closes the view.
      await undefined;
    }
    cache.close();
    await waitTurns();
    expect([...told]).toEqual(['CORRUPT']);
  });
});

describe('a view that can not be ended', () => {
  it('by a commit is rolled back, or was ended by what failed before', () => {
    const ran: string[] = [];
    const database = {
      inTransaction: true,
      prepare: (sql: string) => ({
        run() {
          ran.push(sql);
          if (sql === 'COMMIT') throw Object.assign(new Error('malformed'), { code: 'SQLITE_CORRUPT' });
          database.inTransaction = sql === 'BEGIN';
        },
      }),
    };
    const snapshot = new ReadSnapshot(database, 'cache.db');
    snapshot.renew();
    snapshot.release();
    expect([ran, snapshot.isHeld]).toEqual([['BEGIN', 'COMMIT', 'ROLLBACK'], false]);
    snapshot.renew();
    database.inTransaction = false;
    snapshot.release();
    expect(ran.at(-1)).toBe('COMMIT');
  });

  it('at all is told by the next call as a DiskCacheError, not by the end of the turn', () => {
    const database = {
      inTransaction: true,
      prepare: (sql: string) => ({
        run() {
          if (sql !== 'BEGIN') throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' });
        },
      }),
    };
    const snapshot = new ReadSnapshot(database, 'cache.db');
    snapshot.renew();
    snapshot.releaseQuietly();
    expect(snapshot.isHeld).toBe(true);
    expect(() => snapshot.renew()).toThrow(errorMatching('IO', 'SQLITE_IOERR_READ'));
  });
});

describe('what follows a commit', () => {
  it('can fail, and the write that was acknowledged has not failed; the process is warned once', async () => {
    const core = openCore(freshDirectory(), {});
    vi.spyOn(core.connection, 'pragma').mockImplementation(throwError);
    for (let key = 0; key < 200; key++) set(core, key, 'x'.repeat(1000));
    transact(core, () => {
      core.transaction.afterCommit.push(throwError);
      set(core, 'in a transaction', 1);
    });
    expect(clear(core)).toBe(201);
    await waitTurns();
    vi.mocked(core.connection.pragma).mockRestore();
    expect(get(core, 0)).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('broken on purpose')]);
    expect(warnings[0]).toContain(core.directory);
    closeCore(core);
  });

  it('fails on a timer: the process is warned, and the timer goes on', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const core = openCore(freshDirectory(), {});
    set(core, 'k', 1);
    const freePages = vi.spyOn(core.sql.freePages, 'first').mockImplementation(throwError);
    vi.advanceTimersByTime(5000);
    vi.useRealTimers();
    await waitTurns();
    expect(freePages).toHaveBeenCalled();
    expect(warnings).toHaveLength(1);
    freePages.mockRestore();
    closeCore(core);
  });

  it('is not kept from happening by what failed before it', () => {
    const core = openCore(freshDirectory(), {});
    const done: string[] = [];
    transact(core, () => {
      core.transaction.afterCommit.push(throwError, () => done.push('after'));
      set(core, 'k', 1);
    });
    expect(done).toEqual(['after']);
    closeCore(core);
  });
});

describe('a rollback that fails', () => {
  it('hides nothing: the first failure is told, and the store works on', () => {
    const core = openCore(freshDirectory(), {});
    const rollback = vi.spyOn(core.sql.rollback, 'run').mockImplementationOnce(() => {
      core.connection.execute('ROLLBACK');
      return throwError();
    });
    expect(() =>
      transact(core, () => {
        set(core, 'k', 1);
        throw new Error('the first');
      }),
    ).toThrow('the first');
    rollback.mockRestore();
    set(core, 'k', 2);
    expect(get(core, 'k')).toBe(2);
    closeCore(core);
  });
});

describe('listening', () => {
  it('goes on behind a change whose key is damaged, which may have been any', async () => {
    using cache = new Cache<string, number>(freshDirectory());
    const heard: Change[] = [];
    cache.subscribe((change) => heard.push(change));
    const other = new Database(join(cache.directory, 'cache.db'));
    other.exec("INSERT INTO change (kind, key) VALUES ('set', x'ff00ff')");
    other.close();
    cache.set('k', 1);
    expect(heard).toEqual([{ kind: 'clear' }, { kind: 'set', key: 'k' }]);
    await waitTurns();
  });

  it('ends no process when the clock that was handed in fails on a timer', async () => {
    let isBroken = false;
    const clock = () => (isBroken ? throwError() : 1_000_000);
    const cache = new Cache<string, number>(freshDirectory(), {
      clock,
      evictionPolicy: 'least-recently-used',
      statistics: true,
    });
    cache.subscribe(() => {});
    cache.set('k', 1, { ttl: 10 });
    isBroken = true;
    await waitUntil(() => warnings.length > 0);
    isBroken = false;
    cache.close();
  });
});

describe('a worker', () => {
  it('bears a handler that fails with what can not be read', async () => {
    using queue = new Queue<string>(freshDirectory(), { durability: 'process' });
    queue.enqueue('x');
    const stop = new AbortController();
    const hostile = Object.defineProperty(new Error(), 'message', { get: throwError });
    const working = queue.process(
      () => {
        throw hostile;
      },
      { signal: stop.signal, retry: { attempts: 1 } },
    );
    await waitUntil(() => queue.counts().dead === 1);
    expect(queue.get(1)?.error).toContain('can not be read');
    stop.abort();
    await working;
  });
});
