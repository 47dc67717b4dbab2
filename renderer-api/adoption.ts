import { openSource, type SourceEntry } from './adoption-source.ts';

/** The progress: `done` of `total` entries, and the key of the last one. */
export interface AdoptProgress {
  readonly done: number;
  readonly total: number;
  readonly key: unknown;
}

/** Options of `adopt`. */
export interface AdoptOptions {
  /** Called after each group of 64 entries, once it is on disk. */
  readonly onProgress?: (progress: AdoptProgress) => void;
  /** Stops between two groups: the promise rejects with the signal's reason. What was copied stays. */
  readonly signal?: AbortSignal;
  /** Replaces entries that the store has under the same key. Default false: they stay. */
  readonly overwrite?: boolean;
  /** Removes each entry from the source once it is in the store. Default false. */
  readonly remove?: boolean;
  /**
   * A key of the store, for settings a path, that is set to true once everything was copied. If it is set, nothing is copied any more. So what the
   * application deletes later doesn't come back.
   */
  readonly mark?: unknown;
  /** The object stores of a database to copy. Default: all. */
  readonly objectStores?: readonly string[];
  /**
   * Returns the key in the store (for settings, the path), or undefined to leave the entry out. Default: the key of `localStorage`;
   * `[objectStore, key]` for a database.
   */
  readonly toKey?: (key: unknown, objectStore: string | undefined) => unknown;
  /**
   * How the strings of `localStorage` are parsed: `'text'` keeps them, `'json'` parses those that are JSON, a function returns the value. Default:
   * `'json'` for settings, `'text'` for other stores.
   */
  readonly parse?: 'text' | 'json' | ((text: string, key: string) => unknown);
}

/** What `adopt` has done with each entry. */
export interface AdoptResult {
  /** Entries that were copied. */
  readonly moved: number;
  /** Entries that were not copied because the store already has their key. */
  readonly existing: number;
  /** Entries that can't be stored, such as a Blob or a CryptoKey, with the reason. */
  readonly skipped: readonly { readonly key: unknown; readonly reason: string }[];
  /** True if nothing was done because the store has the `mark` of an earlier copy. */
  readonly alreadyAdopted?: true;
}

/** The methods of the three kinds of stores that are used here. */
interface Target {
  readonly size: Promise<number>;
  all(): Promise<unknown>;
  has(key: unknown): Promise<boolean>;
  set(key: unknown, value: unknown): Promise<unknown>;
  batch(steps: readonly unknown[]): Promise<{ readonly committed: boolean }>;
}

type Outcome = 'moved' | 'existing';
type Write = (key: unknown, value: unknown) => Promise<Outcome>;

const OPTIONS: ReadonlySet<string> = new Set([
  'onProgress',
  'signal',
  'overwrite',
  'mark',
  'remove',
  'objectStores',
  'toKey',
  'parse',
] satisfies (keyof AdoptOptions)[]);

/** Creates a `BAD_OPTION` error. */
type CreateError = (why: string) => Error;

/**
 * Implements `adopt`. It imports nothing that the start code of a page contains, not even the class of errors (`badOption` creates them):
 * a bundler would move shared code to a file of its own, which every page would load.
 */
export async function adoptInto(
  source: unknown,
  store: unknown,
  options: AdoptOptions,
  badOption: CreateError,
): Promise<AdoptResult> {
  for (const name of Object.keys(options))
    if (!OPTIONS.has(name)) throw badOption(`unknown option "${name}"; valid options: ${[...OPTIONS].join(', ')}`);
  const { onProgress, signal, overwrite = false, remove = false, objectStores, mark } = options;
  if (![undefined, 'json', 'text'].includes(options.parse as string) && typeof options.parse !== 'function')
    throw badOption("parse can be 'json', 'text' or a function");
  signal?.throwIfAborted();
  const opened = openSource(source, objectStores);
  if (opened === undefined) throw badOption('it takes localStorage, or an open database of IndexedDB');
  const settings = await readSettings(store as Target, () =>
    badOption('the store must be a cache, an index or settings of diskCache'),
  );
  if (mark !== undefined && (await (store as Target).has(mark)))
    return { moved: 0, existing: 0, skipped: [], alreadyAdopted: true };
  const write =
    settings === undefined ? createWrite(store as Target, overwrite) : createSet(store as Target, overwrite, settings);
  const writeChecked: Write = async (key, value) => {
    // Such an entry would mark the copy as done before it is.
    if (mark !== undefined && String(key) === String(mark))
      throw badOption('mark is the key of an entry of the source; give another one');
    return write(key, value);
  };
  const total = await opened.count();
  const skipped: { key: unknown; reason: string }[] = [];
  const counts = { moved: 0, existing: 0 };
  let done = 0;
  for await (const entries of opened.read()) {
    signal?.throwIfAborted();
    const stored: SourceEntry[] = [];
    // All in one turn, so that they are one message to the main process.
    const outcomes = await Promise.allSettled(
      entries.map((entry) => writeEntry(entry, options, writeChecked, settings)),
    );
    for (const [at, outcome] of outcomes.entries()) {
      const entry = entries[at]!;
      if (outcome.status === 'rejected') skipped.push({ key: getSourceKey(entry), reason: toReason(outcome.reason) });
      else if (outcome.value !== undefined) {
        counts[outcome.value]++;
        if (outcome.value === 'moved') stored.push(entry);
      }
    }
    if (remove) await opened.remove(stored);
    done += entries.length;
    const last = entries.at(-1);
    if (last !== undefined) onProgress?.({ done, total, key: getSourceKey(last) });
  }
  if (mark !== undefined) await (store as Target).set(mark, true);
  return { ...counts, skipped };
}

/** Returns all settings; undefined for a store with keys. */
async function readSettings(store: Target, noStore: () => Error): Promise<unknown> {
  if (typeof store?.all !== 'function' || typeof store.batch !== 'function') throw noStore();
  try {
    return await store.all();
  } catch (error) {
    if (!isNoSuchOperation(error)) throw error;
  }
  try {
    await store.size;
    return undefined;
  } catch (error) {
    throw isNoSuchOperation(error) ? noStore() : error;
  }
}

/** Returns whether the main process has refused a method because this kind of store doesn't have it. */
const isNoSuchOperation = (error: unknown): boolean =>
  getCode(error) === 'NOT_ALLOWED' && (error as Error).message.startsWith('No such operation');

const getCode = (error: unknown): unknown => (Object(error) as { readonly code?: unknown }).code;

/** Returns whether a value is sent as a stream, which a batch can't contain. */
const isStreamed = (value: unknown): boolean => value instanceof Uint8Array && value.length > 2 ** 16;

function createWrite(store: Target, overwrite: boolean): Write {
  return async (key, value) => {
    if (overwrite || isStreamed(value)) {
      if (!overwrite && (await store.has(key))) return 'existing';
      await store.set(key, value);
      return 'moved';
    }
    const { committed } = await store.batch([{ if: { key, absent: true } }, { set: [key, value] }]);
    return committed ? 'moved' : 'existing';
  };
}

/** Writes to settings. An object is set member by member where the settings have an object, so that members it lacks keep their defaults. */
function createSet(store: Target, overwrite: boolean, settings: unknown): Write {
  return async (path, value) => {
    const segments = typeof path === 'string' ? path.split('.') : path;
    if (!Array.isArray(segments))
      throw Object.assign(new Error('the path of a setting is a text or an array of texts'), { code: 'BAD_KEY' });
    const current = segments.reduce(
      (parent: unknown, name) => (isObject(parent) ? getOwn(parent, name) : undefined),
      settings,
    );
    const outcomes = await Promise.all(
      [...getLeaves(segments, value, current)].map(async ([leaf, part]): Promise<Outcome> => {
        if (!overwrite && (await store.has(leaf))) return 'existing';
        await store.set(leaf, part);
        return 'moved';
      }),
    );
    return outcomes.includes('moved') ? 'moved' : 'existing';
  };
}

type Members = Readonly<Record<string, unknown>>;

/** Not imported from protocol/: code that is shared with the start of a page costs every page an export. */
function isObject(value: unknown): value is Members {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const getOwn = (parent: Members, name: unknown): unknown =>
  typeof name === 'string' && Object.hasOwn(parent, name) ? parent[name] : undefined;

function* getLeaves(
  path: readonly unknown[],
  value: unknown,
  current: unknown,
): Generator<[readonly unknown[], unknown]> {
  if (!isObject(value) || !isObject(current)) yield [path, value];
  else
    for (const [name, member] of Object.entries(value))
      yield* getLeaves([...path, name], member, getOwn(current, name));
}

/** Writes an entry. Returns undefined if `toKey` leaves it out. */
async function writeEntry(
  entry: SourceEntry,
  { toKey, parse }: AdoptOptions,
  write: Write,
  settings: unknown,
): Promise<Outcome | undefined> {
  const { key, objectStore, value } = entry;
  const isSettings = settings !== undefined;
  const sourceKey = toStorableKey(key);
  const target =
    toKey === undefined ? getDefaultKey(sourceKey, objectStore, isSettings) : toKey(sourceKey, objectStore);
  if (target === undefined) return undefined;
  if (objectStore !== undefined) return write(target, value);
  return write(target, parseText(String(value), String(key), parse ?? (isSettings ? 'json' : 'text')));
}

/** Returns the key in the store. A key of `localStorage` that contains a dot is the name of one setting, not a path. */
function getDefaultKey(key: unknown, objectStore: string | undefined, isSettings: boolean): unknown {
  if (objectStore !== undefined) return [objectStore, key];
  return isSettings ? [key] : key;
}

/** Converts a key of IndexedDB: an `ArrayBuffer` becomes a `Uint8Array`. */
function toStorableKey(key: unknown): unknown {
  if (key instanceof ArrayBuffer) return new Uint8Array(key);
  return Array.isArray(key) ? key.map(toStorableKey) : key;
}

const getSourceKey = ({ key, objectStore }: SourceEntry): unknown =>
  objectStore === undefined ? key : [objectStore, toStorableKey(key)];

function parseText(text: string, key: string, parse: NonNullable<AdoptOptions['parse']>): unknown {
  if (typeof parse === 'function') return parse(text, key);
  if (parse === 'text') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The codes by which a store refuses a single entry. */
const REFUSALS: ReadonlySet<unknown> = new Set(['BAD_KEY', 'BAD_VALUE', 'TOO_LARGE']);

/** Returns why an entry is skipped. @throws any error that isn't about the entry. */
function toReason(error: unknown): string {
  if (!REFUSALS.has(getCode(error))) throw error;
  // An entry is stored by a batch of its own, which the application has not made.
  return (error as Error).message.replace(/^Step \d+ of a batch, which was rolled back: /, '');
}
