import { appendFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { Cache, type CacheOptions, type Change, type Key } from '../../main/engine/index.ts';
import { COLLECTION_JOBS } from './collection-jobs.ts';
import { FANOUT_JOBS } from './fanout-jobs.ts';
import { LOCK_JOBS } from './lock-jobs.ts';
import { QUEUE_JOBS } from './queue-jobs.ts';
import { sleepBlocking } from './sleep-blocking.ts';

/*
 * What a member of a crew can be told to do, in its own process or thread. Arguments and answers are plain data; a failure
 * travels back as its code and message.
 */

let opened: Cache | undefined;

function getStore(): Cache {
  if (opened === undefined) throw new Error('this member has opened nothing');
  return opened;
}

/** Tells the test something while a job is still running. The entry sets it. */
let signal: (name: string) => void = () => {};
export function setSignalSender(send: (name: string) => void): void {
  signal = send;
}

/** Blocks this worker until a file exists, for half a minute at most. */
function waitForFile(path: string): void {
  for (let waited = 0; !existsSync(path); waited++) {
    if (waited > 30_000) throw new Error(`${path} did not appear`);
    sleepBlocking(1);
  }
}

/** A text that tells who wrote it, as long as wanted. */
const createText = (writer: string, length: number): string => `${writer} `.repeat(length / (writer.length + 1) + 1);

/** How something went that was done several times. Milliseconds. */
export interface JobTimings {
  readonly times: number;
  readonly median: number;
  readonly worst: number;
}

/** Does something again and again, until it answers false. */
function measureTurns(maxTurns: number, work: (turn: number) => boolean): JobTimings {
  const taken: number[] = [];
  for (let turn = 0; turn < maxTurns; turn++) {
    const before = performance.now();
    if (!work(turn)) break;
    taken.push(performance.now() - before);
  }
  taken.sort((a, b) => a - b);
  return { times: taken.length, median: taken[taken.length >> 1] ?? 0, worst: taken.at(-1) ?? 0 };
}

/** A verb with its arguments, as data. */
export type StoreCall = readonly [
  verb: 'set' | 'delete' | 'evict' | 'clear' | 'expire' | 'push' | 'pull',
  ...unknown[],
];

let watched: Change[] = [];

export const JOBS = {
  ...COLLECTION_JOBS,
  ...FANOUT_JOBS,
  ...QUEUE_JOBS,
  ...LOCK_JOBS,
  pid: (): number => process.pid,
  open(directory: string, options?: CacheOptions): void {
    opened?.close();
    opened = undefined;
    opened = new Cache(directory, options);
  },
  close(): void {
    getStore().close();
  },
  get: (key: Key): unknown => getStore().get(key),
  set: (key: Key, value: unknown): void => getStore().set(key, value),
  delete: (key: Key): boolean => getStore().delete(key),
  clear: (): number => getStore().clear(),
  size: (): number => getStore().size,

  /** Increments this many times, once per transaction. */
  countUp(key: Key, times: number): void {
    for (let turn = 0; turn < times; turn++) getStore().incr(key);
  },
  /** Counts up by reading and writing inside transactions. */
  transferUp(key: Key, times: number): void {
    for (let turn = 0; turn < times; turn++) {
      getStore().transact(() => getStore().set(key, Number(getStore().get(key) ?? 0) + 1));
    }
  },
  /** Tries to add every key; answers those it won. */
  addAll(keys: readonly string[], writer: string, length: number): string[] {
    return keys.filter((key) => getStore().add(key, createText(writer, length)));
  },
  /** Sets this many keys of its own, each in its own transaction. */
  setAll(writer: string, times: number): JobTimings {
    return measureTurns(times, (turn) => {
      getStore().set([writer, turn], createText(writer, 100));
      return true;
    });
  },
  /**
   * Takes the write lock repeatedly, almost without a break, for this many milliseconds each, until the file exists.
   */
  hog(writer: string, ms: number, release: string, most: number): JobTimings {
    return measureTurns(most, (turn) => {
      if (existsSync(release)) return false;
      getStore().transact(() => {
        getStore().set([writer, turn], turn);
        sleepBlocking(ms);
      });
      return true;
    });
  },
  /** Sets inside a transaction, signals 'holding', and commits when the file exists. */
  holdLock(key: Key, value: unknown, release: string): void {
    getStore().transact(() => {
      getStore().set(key, value);
      signal('holding');
      waitForFile(release);
    });
  },
  /** Sets when one file exists, and creates another when that is committed. */
  setWhen(key: Key, value: unknown, path: string, done: string): void {
    waitForFile(path);
    getStore().set(key, value);
    writeFileSync(done, '');
  },
  /** Counts the descriptors this process has open. Linux only. */
  descriptors: (): number => readdirSync('/proc/self/fd').length,

  /** Fills the store and deletes the items again, so that its database grows and gets free pages. */
  fillAndDelete(writer: string, rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < 60; turn++) getStore().set([writer, turn], createText(writer, 3000));
      for (let turn = 0; turn < 60; turn++) getStore().delete([writer, turn]);
    }
  },
  /** Shortens the database with SQLite's own commands, where no other connection is in the way. Returns how often the file got shorter. */
  vacuum(rounds: number): number {
    const path = join(getStore().directory, 'cache.db');
    const database = new Database(path, { timeout: 20 });
    let shortened = 0;
    for (let round = 0; round < rounds; round++) {
      const bytes = statSync(path).size;
      for (const command of ['VACUUM', 'PRAGMA wal_checkpoint(TRUNCATE)']) {
        try {
          database.exec(command);
        } catch (error) {
          if (!String((error as { readonly code?: unknown }).code).startsWith('SQLITE_BUSY')) throw error;
        }
      }
      if (statSync(path).size < bytes) shortened++;
      sleepBlocking(5);
    }
    database.close();
    return shortened;
  },

  /** Sets a value that is kept in a file, of one character that changes. */
  replaceFile(key: Key, times: number): void {
    for (let turn = 0; turn < times; turn++) getStore().set(key, String.fromCharCode(97 + (turn % 26)).repeat(50_000));
  },

  /** Sets values that are kept in files, over and over the same few keys, each whole of one character. */
  setFiles(writer: string, times: number): void {
    for (let turn = 0; turn < times; turn++) {
      const text = String.fromCharCode(97 + (turn % 26)).repeat(40_000);
      if (turn % 5 === 4) getStore().delete([writer, turn % 7]);
      else if (turn % 5 === 3) getStore().transact(() => getStore().set([writer, turn % 7], text));
      else getStore().set([writer, turn % 7], text);
    }
  },

  /** Begins to collect what `subscribe` tells. */
  watch(prefix?: Key): void {
    watched = [];
    getStore().subscribe((change) => watched.push(change), prefix === undefined ? {} : { prefix });
  },
  /** What `subscribe` has told since. */
  watched: (): readonly Change[] => watched,
  /** Runs verbs by name, one after the other. */
  run(calls: readonly StoreCall[]): void {
    for (const [verb, ...args] of calls) (getStore()[verb] as (...args: readonly unknown[]) => unknown)(...args);
  },

  /** Calls a memoized function that takes so long and writes a line to a file each time it runs. */
  compute(argument: Key, ms: number, log: string): unknown {
    const slow = (of: Key) => {
      appendFileSync(log, 'run\n');
      signal('computing');
      sleepBlocking(ms);
      return { of, by: log };
    };
    return getStore().memoize(slow, { name: 'slow' })(argument);
  },
  /** The same as a promise. */
  computeLater(argument: Key, ms: number, log: string): Promise<unknown> {
    const slow = async (of: Key) => {
      appendFileSync(log, 'run\n');
      await new Promise((resolve) => setTimeout(resolve, ms));
      return { of, by: log };
    };
    return getStore().memoize(slow, { name: 'slow' })(argument);
  },

  pushAll(writer: string, times: number): void {
    for (let turn = 0; turn < times; turn++) getStore().push([writer, turn]);
    getStore().incr('pushers done');
  },
  /** Pulls until this many pushers are done and nothing is left. */
  pullAll(pushers: number): unknown[] {
    const pulled: unknown[] = [];
    for (;;) {
      const done = getStore().get('pushers done') === pushers;
      const item = getStore().pull();
      if (item !== undefined) pulled.push(item[1]);
      else if (done) return pulled;
    }
  },
} as const;

export type Jobs = typeof JOBS;
