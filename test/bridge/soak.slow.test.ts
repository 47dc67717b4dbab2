import { readdirSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Client } from '../../client/client.ts';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { openSession, type PageSession, SharedSessionState } from '../../main/bridge/session.ts';
import { Registry } from '../../main/engine/registry.ts';
import { Queues } from '../../main/queue/queues.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, deque, fanout, index, parseQueueAddress, toQueueAddress } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { collectAllGarbage, collectGarbage, getMemoryBytes } from '../gc.ts';
import { CACHE_CALLS, DEQUE_CALLS, INDEX_CALLS, QUEUE_CALLS, type RandomInt } from './random-calls.ts';

/** Seconds; `DESKCACHE_SOAK=600` is the ten minutes of a release. */
const DURATION_SECONDS = Math.min(600, Number(process.env['DESKCACHE_SOAK'] ?? 12));
const CLIENTS = 5;
const SAMPLES = 12;
const MiB = 2 ** 20;

const small = { sizeLimit: 4 * MiB, memory: 64 * 1024, fileThreshold: 16 * 1024 };
const stores = {
  api: cache(small),
  shared: fanout({ ...small, shards: 2 }),
  settings: index({ memory: 64 * 1024 }),
  outbox: deque({ maxLength: 100, memory: 64 * 1024 }),
};
const CALLS = {
  api: CACHE_CALLS,
  shared: CACHE_CALLS,
  settings: INDEX_CALLS,
  outbox: DEQUE_CALLS,
  letters: QUEUE_CALLS,
};
type Name = keyof typeof CALLS;
type StoreCall = readonly [store: Name, method: string];
const NAMES = Object.keys(CALLS) as readonly Name[];
const ALL = NAMES.flatMap((name) => Object.keys(CALLS[name]).map((method): StoreCall => [name, method]));

/** Rare, for they take what the others work on, or long. */
const RARE: ReadonlySet<string> = new Set(['clear', 'check', 'configure', 'volume']);

/** A refusal is an answer; these say that something broke. */
const UNEXPECTED_ERRORS: ReadonlySet<string> = new Set([
  'CORRUPT',
  'CLOSED',
  'TIMEOUT',
  'DISK_FULL',
  'BUSY',
  'NO_SUCH_STORE',
]);

const toStoreName = (name: Name): string => (name === 'letters' ? toQueueAddress(name) : name);
const getStore = (page: DiskCache, name: Name) =>
  name === 'letters' ? page.queue(name) : page.as<typeof stores>()[name];

/** Numbers that look random and are the same in each run (a linear congruence: Numerical Recipes, 3rd edition, 7.1). */
function createRandomInt(seed: number): RandomInt {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** The main process: stores, a queue that is worked on, and a session for each page that is there. */
class SoakHost {
  readonly lobby = new SharedSessionState();
  readonly sessions = new Set<PageSession>();
  /** Streams of sessions that have ended. */
  openHandles = 0;
  #ports: WeakRef<object>[] = [];
  readonly #registry = new Registry(freshDirectory(), stores);
  readonly #queues = new Queues(freshDirectory());
  readonly #working = this.#queues
    .find('letters', { durability: 'process', fileThreshold: 16 * 1024 })
    .process(({ id, bury, report }) => (id % 5 === 0 ? bury('no such address') : report(id)), { concurrency: 4 });

  readonly connect = async (): Promise<MessagePortLike> => {
    const { port1, port2 } = new MessageChannel();
    this.#ports.push(new WeakRef(port2));
    const session = openSession(port1 as never, FULL_GRANT, (name) => this.#find(name), this.lobby);
    this.sessions.add(session);
    port1.once('close', () => {
      this.sessions.delete(session);
      session.close(new DiskCacheError('DISCONNECTED', 'The page closed its port'));
      this.openHandles += session.streams;
    });
    return port2 as unknown as MessagePortLike;
  };

  /** Of the ports that pages have had, those that something still holds. */
  heldResources(): number {
    this.#ports = this.#ports.filter((port) => port.deref() !== undefined);
    return this.#ports.length;
  }

  #find(name: string) {
    const queue = parseQueueAddress(name);
    return queue === undefined ? this.#registry.get(name) : this.#queues.findOpen(queue);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#queues.close();
    this.#registry.close();
    await this.#working;
  }
}

/** Calls everything, listens, keeps near, walks, and is reloaded now and then. */
class SoakPage {
  readonly called = new Set<string>();
  receivedEvents = 0;
  readonly #connect: () => Promise<MessagePortLike>;
  readonly #draw: RandomInt;
  #page: DiskCache;
  #client: Client;
  #deck: StoreCall[] = [];

  constructor(connect: () => Promise<MessagePortLike>, draw: RandomInt) {
    this.#connect = connect;
    this.#draw = draw;
    this.#page = new DiskCache(connect);
    this.#client = new Client(connect, 5000);
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#visit(isOver);
      this.close();
    }
  }

  close(): void {
    this.#page.disconnect();
    this.#client.disconnect(new DiskCacheError('DISCONNECTED', 'The page is reloaded'));
    this.#page = new DiskCache(this.#connect);
    this.#client = new Client(this.#connect, 5000);
  }

  async #visit(isOver: () => boolean): Promise<void> {
    const stops = NAMES.map((name) =>
      getStore(this.#page, name).subscribe(() => this.receivedEvents++, { onError: () => {} }),
    );
    const far = this.#page.nearCache('api', { maxBytes: 32 * 1024 });
    for (let turn = 5 + this.#draw(20); turn > 0 && !isOver(); turn--) {
      const calls = Array.from({ length: 1 + this.#draw(20) }, () => this.#call());
      if (turn % 5 === 0) calls.push(this.#walk(), this.#batch(), this.#large());
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'fulfilled') continue;
        const { reason } = outcome;
        if (!(reason instanceof DiskCacheError) || UNEXPECTED_ERRORS.has(reason.code)) throw reason;
      }
    }
    // Half of the visitors close the door behind them.
    if (this.#draw(2)) for (const stop of [...stops, far]) stop();
  }

  #call(): Promise<unknown> {
    if (this.#deck.length === 0) this.#deck = this.#shuffled();
    const [name, method] = this.#deck.pop()!;
    this.called.add(`${name}.${method}`);
    const args = (CALLS[name] as Record<string, (draw: RandomInt) => unknown[]>)[method]!(this.#draw);
    const store = getStore(this.#page, name) as unknown as Record<string, unknown>;
    if (method === 'page') return this.#client.call(toStoreName(name), method, args);
    const member = store[method];
    return typeof member === 'function'
      ? (member.apply(store, args) as Promise<unknown>)
      : (member as Promise<unknown>);
  }

  /** Every method once, the rare ones at first and then now and then. */
  #shuffled(): StoreCall[] {
    const deck = ALL.filter(([, method]) => this.called.size === 0 || !RARE.has(method) || this.#draw(30) === 0);
    for (let last = deck.length - 1; last > 0; last--) {
      const other = this.#draw(last + 1);
      [deck[last], deck[other]] = [deck[other]!, deck[last]!];
    }
    return deck;
  }

  async #walk(): Promise<void> {
    const limit = 20 + this.#draw(200);
    for await (const _ of this.#page.cache('api').entries({ order: 'key', limit }));
  }

  /** A value that travels in chunks, both ways; some streams are read to their end, some are cancelled, some just left. */
  async #large(): Promise<void> {
    const store = this.#page.cache<string, Uint8Array<ArrayBuffer>>('api');
    const key = `large ${this.#draw(3)}`;
    const value = new Uint8Array(MiB + this.#draw(MiB / 4));
    if (this.#draw(2)) await store.set(key, value);
    else await store.writeStream(key, new Blob([value]).stream());
    await store.get(key);
    const reader = (await store.openReadStream(key))?.getReader();
    if (this.#draw(3) === 0) while (reader && !(await reader.read()).done);
    if (this.#draw(2)) await reader?.cancel();
  }

  #batch(): Promise<unknown> {
    const to = `n${this.#draw(10)}`;
    return this.#page
      .cache('shared')
      .batch([{ if: { key: to, exists: true } }, { incr: [to, 1] }, { decr: ['n0', 1] }]);
  }
}

function count(house: SoakHost) {
  const resources = process.getActiveResourcesInfo();
  return {
    heap: getMemoryBytes(),
    rss: process.memoryUsage.rss(),
    ports: resources.filter((it) => it === 'MessagePort').length,
    timers: resources.filter((it) => it === 'Timeout' || it === 'Immediate').length,
    held: house.heldResources(),
    leftOpen: house.openHandles,
    sessions: house.sessions.size,
    near: house.lobby.nearCacheLeases.size,
    files: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
  };
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

describe('a soak', () => {
  it(`of ${DURATION_SECONDS} s: ${CLIENTS} pages, all verbs of all kinds; handles, listeners and memory stay flat`, {
    timeout: DURATION_SECONDS * 1000 + 60_000,
  }, async () => {
    await using house = new SoakHost();
    const visitors = Array.from({ length: CLIENTS }, (_, n) => new SoakPage(house.connect, createRandomInt(n + 1)));
    const samples: ReturnType<typeof count>[] = [];
    for (let n = 0; n < SAMPLES; n++) {
      const end = performance.now() + (DURATION_SECONDS * 1000) / SAMPLES;
      await Promise.all(visitors.map((visitor) => visitor.run(() => performance.now() > end)));
      // Ports close and leases end in later turns, and so does what was held until then.
      await collectAllGarbage();
      collectGarbage();
      samples.push(count(house));
    }
    const [early, late] = [samples.slice(SAMPLES / 3, (2 * SAMPLES) / 3), samples.slice((2 * SAMPLES) / 3)];
    const growth = (of: 'heap' | 'rss') => median(late.map((it) => it[of])) - median(early.map((it) => it[of]));
    for (const sample of late) {
      expect(sample).toMatchObject({ ports: 0, sessions: 0, near: 0, leftOpen: 0 });
      // What has just gone may take another collection.
      expect(sample.held).toBeLessThanOrEqual(2 * CLIENTS);
      expect(sample.timers).toBeLessThanOrEqual(early[0]!.timers + 2);
      expect(sample.files).toBeLessThanOrEqual(Math.max(...early.map(({ files }) => files)) + 2);
    }
    expect(growth('heap')).toBeLessThan(2 * MiB);
    expect(growth('rss')).toBeLessThan(64 * MiB);
    for (const { called } of visitors) expect(called.size).toBe(ALL.length);
    expect(Math.min(...visitors.map(({ receivedEvents }) => receivedEvents))).toBeGreaterThan(0);
    const page = new DiskCache(house.connect);
    for (const name of NAMES) expect(await getStore(page, name).check()).toEqual([]);
  });
});
