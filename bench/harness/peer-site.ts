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

  /** Sets the items 0 … `count` − 1, in random order, and reopens. */
  async fill(count: number): Promise<void> {
    const store = this.#store ?? (await this.reopen());
    await setAll(store, this.items, shuffleIndices(0, count, FILL_SEED));
    await this.reopen();
  }

  /** How many of a round's operations this peer does. */
  getShare(operations: number): number {
    return Math.max(1, Math.floor(operations * (this.peer.share ?? 1)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Sets items in large transactions; not timed. */
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

  /** The same without those that have no transactions. */
  contendTransactions(
    round: (site: PeerSite, number: number) => number | Promise<number>,
  ): (Contender | SkippedContender)[] {
    const withoutTransactions = this.all.flatMap((site) =>
      site instanceof PeerSite && site.peer.hasTransactions === false ? [site.peer.name] : [],
    );
    return this.contend(round).map((contender) =>
      withoutTransactions.includes(contender.name)
        ? { name: contender.name, skipped: 'not offered: it has no transactions' }
        : contender,
    );
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
