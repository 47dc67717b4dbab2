import { shuffleIndices, toKey } from './keys-and-values.ts';
import { measureDirectory, PeerSite } from './peer-site.ts';
import { assertItems, timeSets, timeTransactions } from './peer-workload.ts';
import type { Scratch } from './scratch.ts';
import { measureMicrosecondsAsync } from './timing.ts';

const MiB = 2 ** 20;

/** What is measured of a store while it is filled item by item, and after. */
interface BuiltStore {
  /** Microseconds for each set. */
  readonly set: number;
  /** The same with the closing, in which a store does what it has put off. */
  readonly setAndClose: number;
  readonly openMebibytes: number;
  readonly closedMebibytes: number;
}

/** Stores filled from nothing, once for each peer and round; several rows show parts of what was measured. */
export class BuiltStores {
  readonly #scratch: Scratch;
  readonly #count: number;
  readonly #built = new Map<string, Promise<BuiltStore>>();

  constructor(scratch: Scratch, count: number) {
    this.#scratch = scratch;
    this.#count = count;
  }

  build(site: PeerSite, round: number): Promise<BuiltStore> {
    const name = `${site.peer.name}, ${round}`;
    const built =
      this.#built.get(name) ?? (site.peer.share === undefined ? this.#fill(site, round) : this.#extend(site, round));
    this.#built.set(name, built);
    return built;
  }

  /** An empty store set item by item. It is verified after another opening: what it has only in memory doesn't count. */
  async #fill(site: PeerSite, round: number): Promise<BuiltStore> {
    const fresh = this.#createFresh(site);
    const indices = shuffleIndices(0, this.#count, round);
    const set = await timeSets(await fresh.reopen(), site.items, indices);
    return this.#measure(fresh, indices, set);
  }

  /** A store that takes milliseconds for a set gets a few items more than it has, and loses them again. */
  async #extend(site: PeerSite, round: number): Promise<BuiltStore> {
    const share = site.getShare(this.#count);
    const indices = shuffleIndices(this.#count, this.#count + share, round);
    const set = await timeSets(await site.reopen(), site.items, indices);
    const measured = await this.#measure(site, indices, set);
    const store = await site.reopen();
    for (const index of indices) await store.delete(toKey(index));
    return measured;
  }

  async #measure(site: PeerSite, indices: Uint32Array, set: number): Promise<BuiltStore> {
    const openMebibytes = measureDirectory(site.directory) / MiB;
    const close = await measureMicrosecondsAsync(indices.length, () => site.close());
    const closedMebibytes = measureDirectory(site.directory) / MiB;
    await assertItems(await site.reopen(), site.items, indices);
    await site.close();
    return { set, setAndClose: set + close, openMebibytes, closedMebibytes };
  }

  /** Fills an empty store in transactions, and verifies it after another opening. */
  async timeNewTransactions(site: PeerSite, indices: Uint32Array, batch: number): Promise<number> {
    await using fresh = this.#createFresh(site);
    const figure = await timeTransactions(await fresh.reopen(), site.items, indices, batch);
    await assertItems(await fresh.reopen(), site.items, indices);
    return figure;
  }

  #createFresh({ peer, options, items }: PeerSite): PeerSite {
    return new PeerSite(peer, options, items, this.#scratch.directory());
  }
}
