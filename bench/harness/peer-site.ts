import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Peer, PeerMissingError, type PeerOptions, type PeerStore } from '../peer/stores/store.ts';
import type { Contender, SkippedContender } from './benchmark.ts';
import type { Items } from './items.ts';
import { shuffleIndices, toKey } from './keys-and-values.ts';
import { assertItems } from './peer-workload.ts';
import type { Scratch } from './scratch.ts';

const BATCH_ITEMS = 1000;
const FILL_SEED = 1;

/** One peer with a directory of its own, filled and reopened as a benchmark needs it. */
export class PeerSite implements AsyncDisposable {
  readonly peer: Peer;
  readonly options: PeerOptions;
  readonly items: Items;
  readonly directory: string;
  #store: PeerStore | undefined;
  #count = 0;

  constructor(peer: Peer, options: PeerOptions, items: Items, directory: string) {
    this.peer = peer;
    this.options = options;
    this.items = items;
    this.directory = directory;
  }

  get store(): PeerStore {
    if (this.#store === undefined) throw new Error(`${this.peer.name} is not open`);
    return this.#store;
  }

  /** Closes the store if it is open, and opens it: what a store had put off is done, and memory is empty. */
  async reopen(): Promise<PeerStore> {
    await this.close();
    this.#store = await this.peer.open(this.directory, this.options);
    return this.#store;
  }

  async close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }

  /** Sets the items 0 … `count` − 1, or those it can hold, in random order, and reopens. */
  async fill(count: number): Promise<void> {
    const store = this.#store ?? (await this.reopen());
    this.#count = Math.min(count, this.peer.maxItems ?? count);
    await setAll(store, this.items, shuffleIndices(0, this.#count, FILL_SEED));
    await this.reopen();
  }

  /** How many of a round's operations this peer does. */
  getShare(operations: number): number {
    return Math.max(1, Math.floor(operations * (this.peer.share ?? 1)));
  }

  /** The operations of a round that this peer does: of items that it holds, and its share of them. */
  select(indices: Uint32Array): Uint32Array {
    return indices.filter((index) => index < this.#count).subarray(0, this.getShare(indices.length));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Sets items in large transactions; not timed. A sample of all of them is checked at the end. */
export async function setAll(store: PeerStore, items: Items, indices: Uint32Array): Promise<void> {
  for (let first = 0; first < indices.length; first += BATCH_ITEMS) {
    const batch = indices.subarray(first, first + BATCH_ITEMS);
    await store.setMany(Array.from(batch, (index) => [toKey(index), items.at(index)] as const));
  }
  await assertItems(store, items, indices);
}

/** What is missing, by the name of the peer that is measured in its place. */
type Site = PeerSite | SkippedContender;

/** The sites of one comparison or of several; all are closed together. */
export class PeerSites implements AsyncDisposable {
  readonly all: readonly Site[];

  private constructor(all: readonly Site[]) {
    this.all = all;
  }

  /** Opens each peer in a new directory and fills it with `count` items. */
  static async open(
    peers: readonly Peer[],
    scratch: Scratch,
    options: PeerOptions,
    items: Items,
    count: number,
  ): Promise<PeerSites> {
    const all: Site[] = [];
    for (const peer of peers) all.push(await openSite(peer, scratch, options, items, count));
    return new PeerSites(all);
  }

  /** A contender for each peer, with the sites that are not there as skipped ones. */
  contend(round: (site: PeerSite, number: number) => number | Promise<number>): (Contender | SkippedContender)[] {
    return this.all.map((site) =>
      site instanceof PeerSite ? { name: site.peer.name, round: (number: number) => round(site, number) } : site,
    );
  }

  /** The same, with a reason in the place of those that `decline` gives one for. */
  contendExcept(
    decline: (peer: Peer) => string | undefined,
    round: (site: PeerSite, number: number) => number | Promise<number>,
  ): (Contender | SkippedContender)[] {
    const reasons = new Map(
      this.all.flatMap((site) => (site instanceof PeerSite ? [[site.peer.name, decline(site.peer)] as const] : [])),
    );
    return this.contend(round).map((contender) => {
      const skipped = reasons.get(contender.name);
      return skipped === undefined ? contender : { name: contender.name, skipped };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const site of this.all) if (site instanceof PeerSite) await site.close();
  }
}

async function openSite(
  peer: Peer,
  scratch: Scratch,
  options: PeerOptions,
  items: Items,
  count: number,
): Promise<Site> {
  const { name, settings, forms } = peer;
  if (settings[options.durability] === undefined)
    return { name, skipped: `not offered: it has no setting for '${options.durability}'` };
  if (!forms.includes(items.form)) return { name, skipped: `not offered: it keeps no ${items.form}` };
  const site = new PeerSite(peer, options, items, scratch.directory());
  try {
    await site.reopen();
  } catch (error) {
    if (error instanceof PeerMissingError) return { name, skipped: error.message };
    throw error;
  }
  if (count > 0) await site.fill(count);
  return site;
}

/** Bytes of all files below a directory. */
export function measureDirectory(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Why a store has no part in rows about transactions, if so. */
export const declineTransactions = ({ hasTransactions }: Peer): string | undefined =>
  hasTransactions === false ? 'not offered: it has no transactions' : undefined;

/** Why the disk that a store takes can't be compared, if so. */
export const declineSize = ({ maxItems }: Peer): string | undefined =>
  maxItems === undefined ? undefined : `not comparable: it holds ${maxItems} items here`;
