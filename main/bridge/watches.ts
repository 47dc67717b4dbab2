import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { weightOf } from '../../protocol/weight.ts';
import type { Changes, News, WatchRange } from '../../protocol/wire.ts';
import { Deque } from '../engine/index.ts';
import { encodeKey, type KeyColumn, type KeyRange, parseKeyRange } from '../engine/internal.ts';
import { Queue } from '../offline/queue/index.ts';
import type { Feeds } from './feeds.ts';
import type { Store } from './verbs.ts';

/** A page may have this number of subscriptions. */
const MAX_WATCHES = 256;
/** Bytes of changes that the page hasn't seen yet; past these it is told to read again. */
const MAX_UNSEEN_BYTES = 256 * 1024;
/** Keys that are compared with ranges for one message, about 2 ms. */
const MAX_COMPARISONS = 16_384;

const RESET: readonly News[] = Object.freeze([Object.freeze({ kind: 'reset' })]);

/** The subscriptions of one range. */
interface Filter {
  /** Without one everything matches. */
  readonly range: KeyRange | undefined;
  /** By the page's number: how much of what is unseen came before the subscription. */
  readonly since: Map<number, number>;
}

/** A store that is watched. */
interface Watched {
  readonly filters: Map<string, Filter>;
  readonly stop: () => void;
  /** What was not told yet; undefined: too much. */
  unseen: News[] | undefined;
  weight: number;
}

type Told = [watch: number, news: readonly News[]];

/**
 * What one page watches. What happens in one turn of the main process is told in one message, and while the page hasn't seen it
 * the next ones gather: a slow page gets fewer and larger messages. A change is only noted down where it happens, whatever number of
 * subscriptions there are; it is compared with their ranges when it is told.
 *
 * Invariant: one message at most is under way; what gathers, and what is compared for it, is bounded. What is too much is told as
 * `reset`, never lost.
 */
export class Watches {
  readonly #feeds: Feeds;
  readonly #send: (changes: Changes) => void;
  readonly #enter: (job: () => boolean) => void;
  readonly #watched = new Map<Store, Watched>();
  readonly #ends = new Map<number, () => void>();
  #weight = 0;
  #number = 0;
  #seen = 0;
  #scheduled: NodeJS.Immediate | undefined;

  /** `enter` has a job done when it is this page's turn. */
  constructor(feeds: Feeds, send: (changes: Changes) => void, enter: (job: () => boolean) => void) {
    this.#feeds = feeds;
    this.#send = send;
    this.#enter = enter;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** @throws {DiskCacheError} `TOO_LARGE` for too many; `BAD_OPTION` or `BAD_KEY` for something else than a range. */
  add(id: number, store: Store, range: WatchRange): void {
    if (this.#ends.has(id)) throw new DiskCacheError('BAD_OPTION', `There is a subscription ${id} already`);
    if (this.#ends.size === MAX_WATCHES) {
      throw new DiskCacheError('TOO_LARGE', `A page can have ${MAX_WATCHES} subscriptions; stop some`);
    }
    const { id: name, ...parsed } = parseFilter(store, range);
    const watched = this.#watched.get(store) ?? this.#start(store);
    const filter = watched.filters.get(name) ?? { ...parsed, since: new Map() };
    watched.filters.set(name, filter);
    filter.since.set(id, watched.unseen?.length ?? 0);
    this.#ends.set(id, () => {
      filter.since.delete(id);
      if (filter.since.size === 0) watched.filters.delete(name);
      if (watched.filters.size === 0) this.#stop(store, watched);
    });
  }

  remove(id: number): void {
    const end = this.#ends.get(id);
    this.#ends.delete(id);
    end?.();
  }

  /** The page has seen a message: the next one may follow. */
  seen(number: number): void {
    if (number !== this.#number) return;
    this.#seen = number;
    this.#schedule();
  }

  close(): void {
    clearImmediate(this.#scheduled);
    this.#ends.clear();
    for (const [store, watched] of [...this.#watched]) this.#stop(store, watched);
  }

  #start(store: Store): Watched {
    const stop = this.#feeds.subscribe(store, (news) => this.#hear(watched, news));
    const watched: Watched = { filters: new Map(), stop, unseen: [], weight: 0 };
    this.#watched.set(store, watched);
    return watched;
  }

  #stop(store: Store, watched: Watched): void {
    this.#watched.delete(store);
    this.#weight -= watched.weight;
    watched.stop();
  }

  #hear(watched: Watched, news: News): void {
    if (watched.unseen !== undefined) {
      const weight = weightOf(news);
      watched.unseen.push(news);
      watched.weight += weight;
      this.#weight += weight;
      if (this.#weight > MAX_UNSEEN_BYTES) this.#reset(watched);
    }
    this.#schedule();
  }

  #reset(watched: Watched): void {
    this.#weight -= watched.weight;
    watched.unseen = undefined;
    watched.weight = 0;
  }

  #schedule(): void {
    if (this.#seen === this.#number) this.#scheduled ??= setImmediate(() => this.#enter(this.#tell));
  }

  readonly #tell = (): false => {
    this.#scheduled = undefined;
    let left = MAX_COMPARISONS;
    const changes: Told[] = [];
    for (const watched of this.#watched.values()) {
      if (watched.unseen?.length === 0) continue;
      const filters = [...watched.filters.values()];
      left -= (watched.unseen?.length ?? 0) * filters.filter(({ range }) => range).length;
      for (const told of getTold(filters, left < 0 ? undefined : watched.unseen)) changes.push(told);
      this.#weight -= watched.weight;
      watched.unseen = [];
      watched.weight = 0;
      for (const { since } of filters) for (const id of since.keys()) since.set(id, 0);
    }
    if (changes.length > 0) this.#send({ deskcache: 'changes', number: ++this.#number, changes });
    return false;
  };
}

function parseFilter(store: Store, range: WatchRange): { readonly id: string; readonly range: KeyRange | undefined } {
  if (store instanceof Deque || store instanceof Queue) return { id: '', range: undefined };
  const parsed = parseKeyRange(range as object);
  return { id: parsed.id, range: parsed.isEverything ? undefined : parsed };
}

/** Returns what each subscription is told of `unseen`; `reset` of what was too much. */
function getTold(filters: readonly Filter[], unseen: readonly News[] | undefined): Told[] {
  if (unseen === undefined) {
    return filters.flatMap(({ since }) => [...since.keys()].map((id): Told => [id, RESET]));
  }
  const keys = filters.some(({ range }) => range) ? unseen.map(toColumn) : [];
  return filters.flatMap(({ range, since }) => {
    const places = [...unseen.keys()].filter((place) => isAbout(keys[place], range));
    const all = places.map((place) => unseen[place]!);
    return [...since].flatMap(([id, first]): Told[] => {
      const before = first === 0 ? 0 : places.filter((place) => place < first).length;
      return before === all.length ? [] : [[id, before === 0 ? all : all.slice(before)]];
    });
  });
}

function toColumn(news: News): KeyColumn | undefined {
  const { key } = news as { readonly key?: Key };
  return key === undefined ? undefined : encodeKey(key);
}

/** What has no key, such as `clear`, concerns every range. */
const isAbout = (key: KeyColumn | undefined, range: KeyRange | undefined): boolean =>
  range === undefined || key === undefined || range.has(key);
