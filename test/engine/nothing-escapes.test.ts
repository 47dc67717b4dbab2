import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { closeCore } from '../../main/engine/cache/close.ts';
import { openCore } from '../../main/engine/cache/open.ts';
import { get } from '../../main/engine/cache/read.ts';
import { clear } from '../../main/engine/cache/remove.ts';
import { transact } from '../../main/engine/cache/transaction.ts';
import { set } from '../../main/engine/cache/write.ts';
import { Cache, type Change } from '../../main/engine/index.ts';
import { Snapshot } from '../../main/engine/sqlite/snapshot.ts';
import { Queue } from '../../main/offline/queue/index.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { failure } from '../failure.ts';
import { soon } from '../offline/queue-opened.ts';
import { freshDirectory } from './directory.ts';

/** What left the engine where nobody could catch it, and what it warned of. */
const escaped: unknown[] = [];
const warned: string[] = [];
const onEscape = (error: unknown) => escaped.push(error);
const onWarning = (warning: Error) => {
  if (warning.name === 'DiskCacheWarning') warned.push(warning.message);
};

beforeEach(() => {
  process.on('uncaughtException', onEscape).on('unhandledRejection', onEscape).on('warning', onWarning);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(async () => {
  await turns();
  process.off('uncaughtException', onEscape).off('unhandledRejection', onEscape).off('warning', onWarning);
  vi.restoreAllMocks();
  vi.useRealTimers();
  expect(escaped.splice(0)).toEqual([]);
  warned.length = 0;
});

const turns = async (): Promise<void> => {
  for (let nth = 0; nth < 3; nth++) await new Promise((resolve) => setImmediate(resolve));
};

const broken = new DiskCacheError('CORRUPT', 'broken on purpose');
const fail = (): never => {
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
    await turns();
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
    const snapshot = new Snapshot(database, 'cache.db');
    snapshot.renew();
    snapshot.release();
    expect([ran, snapshot.held]).toEqual([['BEGIN', 'COMMIT', 'ROLLBACK'], false]);
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
    const snapshot = new Snapshot(database, 'cache.db');
    snapshot.renew();
    snapshot.releaseQuietly();
    expect(snapshot.held).toBe(true);
    expect(() => snapshot.renew()).toThrow(failure('IO', 'SQLITE_IOERR_READ'));
  });
});

describe('what follows a commit', () => {
  it('can fail, and the write that was acknowledged has not failed; the process is warned once', async () => {
    const core = openCore(freshDirectory(), {});
    vi.spyOn(core.connection, 'pragma').mockImplementation(fail);
    for (let key = 0; key < 200; key++) set(core, key, 'x'.repeat(1000));
    transact(core, () => {
      core.transaction.afterCommit.push(fail);
      set(core, 'in a transaction', 1);
    });
    expect(clear(core)).toBe(201);
    await turns();
    vi.mocked(core.connection.pragma).mockRestore();
    expect(get(core, 0)).toBeUndefined();
    expect(warned).toEqual([expect.stringContaining('broken on purpose')]);
    expect(warned[0]).toContain(core.directory);
    closeCore(core);
  });

  it('fails on a timer: the process is warned, and the timer goes on', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const core = openCore(freshDirectory(), {});
    set(core, 'k', 1);
    const freePages = vi.spyOn(core.sql.freePages, 'first').mockImplementation(fail);
    vi.advanceTimersByTime(5000);
    vi.useRealTimers();
    await turns();
    expect(freePages).toHaveBeenCalled();
    expect(warned).toHaveLength(1);
    freePages.mockRestore();
    closeCore(core);
  });

  it('is not kept from happening by what failed before it', () => {
    const core = openCore(freshDirectory(), {});
    const done: string[] = [];
    transact(core, () => {
      core.transaction.afterCommit.push(fail, () => done.push('after'));
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
      return fail();
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
    await turns();
  });

  it('ends no process when the clock that was handed in fails on a timer', async () => {
    let isBroken = false;
    const clock = () => (isBroken ? fail() : 1_000_000);
    const cache = new Cache<string, number>(freshDirectory(), {
      clock,
      evictionPolicy: 'least-recently-used',
      statistics: true,
    });
    cache.subscribe(() => {});
    cache.set('k', 1, { ttl: 10 });
    isBroken = true;
    await soon(() => warned.length > 0);
    isBroken = false;
    cache.close();
  });
});

describe('a worker', () => {
  it('bears a handler that fails with what can not be read', async () => {
    using queue = new Queue<string>(freshDirectory(), { durability: 'process' });
    queue.enqueue('x');
    const stop = new AbortController();
    const hostile = Object.defineProperty(new Error(), 'message', { get: fail });
    const working = queue.process(
      () => {
        throw hostile;
      },
      { signal: stop.signal, retry: { attempts: 1 } },
    );
    await soon(() => queue.counts().dead === 1);
    expect(queue.get(1)?.error).toContain('can not be read');
    stop.abort();
    await working;
  });
});
