import { DiskCacheError } from '../../protocol/error.ts';
import { weightOf } from '../../protocol/weight.ts';
import type { Changes, News, WatchRange } from '../../protocol/wire.ts';
import { Deque } from '../engine/index.ts';
import { Queue } from '../offline/queue/index.ts';
import type { Store } from './verbs.ts';

/** A page may watch so much. */
const MAX_WATCHES = 256;
/** What a page hasn't seen yet may grow to so many bytes; then it is told to read again. */
const MAX_UNSEEN = 256 * 1024;

const RESET: News = Object.freeze({ kind: 'reset' });

interface Watched {
  readonly stop: () => void;
  unseen: News[];
  weight: number;
}

/**
 * What one page watches. What happens in one turn of the main process is told in one message, and while the page hasn't seen it
 * the next ones gather: a slow page gets fewer and larger messages.
 *
 * Invariant: one message at most is under way, and what gathers is bounded; what is too much is told as `reset`, never lost.
 */
export class Watches {
  readonly #send: (changes: Changes) => void;
  readonly #watched = new Map<number, Watched>();
  #weight = 0;
  #number = 0;
  #seen = 0;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(send: (changes: Changes) => void) {
    this.#send = send;
  }

  get size(): number {
    return this.#watched.size;
  }

  /** @throws {DiskCacheError} `TOO_LARGE` for too many; `BAD_OPTION` or `BAD_KEY` for a range that is none. */
  add(id: number, store: Store, range: WatchRange): void {
    if (this.#watched.has(id)) throw new DiskCacheError('BAD_OPTION', `There is a subscription ${id} already`);
    if (this.#watched.size === MAX_WATCHES) {
      throw new DiskCacheError('TOO_LARGE', `A page can have ${MAX_WATCHES} subscriptions; stop some`);
    }
    const stop = listen(store, range, (news) => this.#hear(watched, news));
    const watched: Watched = { stop, unseen: [], weight: 0 };
    this.#watched.set(id, watched);
  }

  remove(id: number): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    watched.stop();
    this.#weight -= watched.weight;
    this.#watched.delete(id);
  }

  /** The page has seen a message: the next one may follow. */
  seen(number: number): void {
    if (number !== this.#number) return;
    this.#seen = number;
    this.#schedule();
  }

  close(): void {
    clearImmediate(this.#scheduled);
    for (const id of [...this.#watched.keys()]) this.remove(id);
  }

  #hear(watched: Watched, news: News): void {
    if (watched.unseen[0] !== RESET) {
      const weight = weightOf(news);
      watched.unseen.push(news);
      watched.weight += weight;
      this.#weight += weight;
      if (this.#weight > MAX_UNSEEN) this.#reset(watched);
    }
    this.#schedule();
  }

  #reset(watched: Watched): void {
    this.#weight -= watched.weight;
    watched.unseen = [RESET];
    watched.weight = 0;
  }

  #schedule(): void {
    if (this.#seen === this.#number) this.#scheduled ??= setImmediate(this.#tell);
  }

  readonly #tell = (): void => {
    this.#scheduled = undefined;
    const changes: [number, readonly News[]][] = [];
    for (const [id, watched] of this.#watched) {
      if (watched.unseen.length === 0) continue;
      changes.push([id, watched.unseen]);
      watched.unseen = [];
      watched.weight = 0;
    }
    this.#weight = 0;
    if (changes.length > 0) this.#send({ deskcache: 'changes', number: ++this.#number, changes });
  };
}

/** Of a deque it is told that something changed, of a queue what happened to its jobs; a range is one of keys. */
function listen(store: Store, range: WatchRange, hear: (news: News) => void): () => void {
  if (store instanceof Deque) return store.subscribe(({ kind }) => hear({ kind }));
  if (store instanceof Queue) return store.subscribe(hear);
  return store.subscribe(hear, range as object);
}
