import { appendFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { Cache, type CacheOptions, type Change, type Key } from '../../main/engine/index.ts';
import { COLLECTION_JOBS } from './collection-jobs.ts';
import { FANOUT_JOBS } from './fanout-jobs.ts';
import { pause } from './pause.ts';
import { QUEUE_JOBS } from './queue-jobs.ts';
import { RECIPE_JOBS } from './recipe-jobs.ts';

/*
 * What a member of a crew can be told to do, in its own process or thread. Arguments and answers are plain data; a failure
 * travels back as its code and message.
 */

let opened: Cache | undefined;

function store(): Cache {
  if (opened === undefined) throw new Error('this member has opened nothing');
  return opened;
}

/** Tells the test something while a job is still running. The entry sets it. */
let signal: (name: string) => void = () => {};
export function signalBy(send: (name: string) => void): void {
  signal = send;
}

/** Blocks this member until a file is there, for half a minute at most. */
function awaitFile(path: string): void {
  for (let waited = 0; !existsSync(path); waited++) {
    if (waited > 30_000) throw new Error(`${path} did not appear`);
    pause(1);
  }
}

/** A text that tells who wrote it, as long as wanted. */
const textOf = (writer: string, length: number): string => `${writer} `.repeat(length / (writer.length + 1) + 1);

/** How something went that was done several times. Milliseconds. */
export interface Pace {
  readonly times: number;
  readonly median: number;
  readonly worst: number;
}

/** Does something again and again, until it answers false. */
function paced(most: number, work: (turn: number) => boolean): Pace {
  const taken: number[] = [];
  for (let turn = 0; turn < most; turn++) {
    const before = performance.now();
    if (!work(turn)) break;
    taken.push(performance.now() - before);
  }
  taken.sort((a, b) => a - b);
  return { times: taken.length, median: taken[taken.length >> 1] ?? 0, worst: taken.at(-1) ?? 0 };
}

/** A verb with its arguments, as data. */
export type Call = readonly [verb: 'set' | 'delete' | 'evict' | 'clear' | 'expire' | 'push' | 'pull', ...unknown[]];

let watched: Change[] = [];

export const JOBS = {
  ...COLLECTION_JOBS,
  ...FANOUT_JOBS,
  ...QUEUE_JOBS,
  ...RECIPE_JOBS,
  pid: (): number => process.pid,
  open(directory: string, options?: CacheOptions): void {
    opened?.close();
    opened = undefined;
    opened = new Cache(directory, options);
  },
  close(): void {
    store().close();
  },
  get: (key: Key): unknown => store().get(key),
  set: (key: Key, value: unknown): void => store().set(key, value),
  delete: (key: Key): boolean => store().delete(key),
  clear: (): number => store().clear(),
  size: (): number => store().size,

  /** Counts up so many times, once per transaction. */
  countUp(key: Key, times: number): void {
    for (let turn = 0; turn < times; turn++) store().incr(key);
  },
  /** Counts up by reading and writing inside transactions. */
  transferUp(key: Key, times: number): void {
    for (let turn = 0; turn < times; turn++) {
      store().transact(() => store().set(key, Number(store().get(key) ?? 0) + 1));
    }
  },
  /** Tries to add every key; answers those it won. */
  addAll(keys: readonly string[], writer: string, length: number): string[] {
    return keys.filter((key) => store().add(key, textOf(writer, length)));
  },
  /** Sets so many keys of its own, each in its own transaction. */
  setAll(writer: string, times: number): Pace {
    return paced(times, (turn) => {
      store().set([writer, turn], textOf(writer, 100));
      return true;
    });
  },
  /** Takes the write lock again and again, as good as without a break, for so many milliseconds each, until the file is there. */
  hog(writer: string, ms: number, release: string, most: number): Pace {
    return paced(most, (turn) => {
      if (existsSync(release)) return false;
      store().transact(() => {
        store().set([writer, turn], turn);
        pause(ms);
      });
      return true;
    });
  },
  /** Sets inside a transaction, signals 'holding', and commits when the file is there. */
  holdLock(key: Key, value: unknown, release: string): void {
    store().transact(() => {
      store().set(key, value);
      signal('holding');
      awaitFile(release);
    });
  },
  /** Sets when one file is there, and makes another when that is committed. */
  setWhen(key: Key, value: unknown, path: string, done: string): void {
    awaitFile(path);
    store().set(key, value);
    writeFileSync(done, '');
  },
  /** Counts the descriptors this process has open. Linux only. */
  descriptors: (): number => readdirSync('/proc/self/fd').length,

  /** Sets a value that is kept in a file, of one character that changes. */
  replaceFile(key: Key, times: number): void {
    for (let turn = 0; turn < times; turn++) store().set(key, String.fromCharCode(97 + (turn % 26)).repeat(50_000));
  },

  /** Sets values that are kept in files, over and over the same few keys, each whole of one character. */
  setFiles(writer: string, times: number): void {
    for (let turn = 0; turn < times; turn++) {
      const text = String.fromCharCode(97 + (turn % 26)).repeat(40_000);
      if (turn % 5 === 4) store().delete([writer, turn % 7]);
      else if (turn % 5 === 3) store().transact(() => store().set([writer, turn % 7], text));
      else store().set([writer, turn % 7], text);
    }
  },

  /** Begins to collect what `subscribe` tells. */
  watch(prefix?: Key): void {
    watched = [];
    store().subscribe((change) => watched.push(change), prefix === undefined ? {} : { prefix });
  },
  /** What `subscribe` has told since. */
  watched: (): readonly Change[] => watched,
  /** Runs verbs by name, one after the other. */
  run(calls: readonly Call[]): void {
    for (const [verb, ...args] of calls) (store()[verb] as (...args: readonly unknown[]) => unknown)(...args);
  },

  /** Calls a memoized function that takes so long and writes a line to a file each time it runs. */
  compute(argument: Key, ms: number, log: string): unknown {
    const slow = (of: Key) => {
      appendFileSync(log, 'run\n');
      signal('computing');
      pause(ms);
      return { of, by: log };
    };
    return store().memoize(slow, { name: 'slow' })(argument);
  },
  /** The same as a promise. */
  computeLater(argument: Key, ms: number, log: string): Promise<unknown> {
    const slow = async (of: Key) => {
      appendFileSync(log, 'run\n');
      await new Promise((resolve) => setTimeout(resolve, ms));
      return { of, by: log };
    };
    return store().memoize(slow, { name: 'slow' })(argument);
  },

  pushAll(writer: string, times: number): void {
    for (let turn = 0; turn < times; turn++) store().push([writer, turn]);
    store().incr('pushers done');
  },
  /** Pulls until so many pushers are done and nothing is left. */
  pullAll(pushers: number): unknown[] {
    const pulled: unknown[] = [];
    for (;;) {
      const done = store().get('pushers done') === pushers;
      const item = store().pull();
      if (item !== undefined) pulled.push(item[1]);
      else if (done) return pulled;
    }
  },
} as const;

export type Jobs = typeof JOBS;
