import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BuiltStores } from '../../bench/harness/built-stores.ts';
import { createItems } from '../../bench/harness/items.ts';
import { shuffleIndices } from '../../bench/harness/keys-and-values.ts';
import { PeerSite } from '../../bench/harness/peer-site.ts';
import {
  timeDeletes,
  timeGets,
  timeQueue,
  timeRepeatedSets,
  timeSets,
  timeTransactions,
} from '../../bench/harness/peer-workload.ts';
import { Scratch } from '../../bench/harness/scratch.ts';
import { AWAITS, type Peer, type PeerStore } from '../../bench/peer/stores/store.ts';

const COUNT = 50;
const items = createItems('text', 100);
const objects = createItems('object', 0);
const indices = shuffleIndices(0, COUNT, 1);
/** Twenty operations on five keys. */
const repeated = Uint32Array.from({ length: 20 }, (_, nth) => nth % 5);

/** A store in a Map that is filled and has some methods of its own. */
function createStore(other: Partial<PeerStore> = {}, values = items, kept = new Map<string, unknown>()): PeerStore {
  const store: PeerStore = {
    awaits: AWAITS.SYNCHRONOUS,
    get: (key) => kept.get(key),
    set: (key, value) => void kept.set(key, value),
    delete: (key) => kept.delete(key),
    setMany: (entries) => {
      for (const [key, value] of entries) kept.set(key, value);
    },
    close() {},
  };
  for (const index of indices) store.set(`key:${String(index).padStart(8, '0')}`, values.at(index));
  return { ...store, ...other };
}

const nothing = () => {};
/** The same answer later, as a store with promises gives it. */
const later: Partial<PeerStore> = { awaits: AWAITS.ASYNCHRONOUS };

describe('a row of the peers is measured of a store that does its work', () => {
  it.each([
    ['at once', {}],
    ['later', later],
  ])('%s', async (_, other) => {
    expect(await timeSets(createStore(other), items, indices, 1)).toBeGreaterThan(0);
    expect(await timeTransactions(createStore(other), items, indices, 10, 1)).toBeGreaterThan(0);
    expect(await timeRepeatedSets(createStore(other), items, repeated, 1)).toBeGreaterThan(0);
    expect(await timeGets(createStore(other), items, indices)).toBeGreaterThan(0);
    expect(await timeGets(createStore(other, objects), objects, indices)).toBeGreaterThan(0);
    expect(await timeDeletes(createStore(other), items, indices)).toBeGreaterThan(0);
    expect(await timeQueue(createStore(other), items, COUNT, 20)).toBeGreaterThan(0);
  });
});

describe('a row of the peers is refused when the store', () => {
  it('sets nothing', async () => {
    const idle = () => createStore({ set: nothing });
    await expect(timeSets(idle(), items, indices, 1)).rejects.toThrow('came back as');
    await expect(timeRepeatedSets(idle(), items, repeated, 1)).rejects.toThrow('came back as');
    await expect(timeQueue(idle(), items, COUNT, 20)).rejects.toThrow('came back as');
  });

  it('sets the first value of a key and ignores the later ones', async () => {
    const kept = new Map<string, unknown>();
    const first = createStore({ set: (key, value) => void (kept.has(key) || kept.set(key, value)) }, items, kept);
    await expect(timeSets(first, items, indices, 1)).rejects.toThrow('came back as');
    await expect(timeRepeatedSets(first, items, repeated, 1)).rejects.toThrow('came back as');
  });

  it('commits nothing', async () => {
    await expect(timeTransactions(createStore({ setMany: nothing }), items, indices, 10, 1)).rejects.toThrow(
      'came back as',
    );
  });

  it('finds nothing, or something else', async () => {
    await expect(timeGets(createStore({ get: nothing }), items, indices)).rejects.toThrow('was not found');
    await expect(timeGets(createStore({ get: () => items.at(999) }), items, indices)).rejects.toThrow('came back as');
    await expect(timeGets(createStore({ get: () => ({}) }, objects), objects, indices)).rejects.toThrow('came back as');
  });

  it('deletes nothing, or had nothing to delete', async () => {
    const idle = () => createStore({ delete: nothing });
    await expect(timeDeletes(idle(), items, indices)).rejects.toThrow('after it was deleted');
    await expect(timeQueue(idle(), items, COUNT, 20)).rejects.toThrow('after it was deleted');
    await expect(timeDeletes(createStore({ get: nothing }), items, indices)).rejects.toThrow('came back as');
  });

  it('keeps in memory what it should have on disk', async () => {
    const forgetful: Peer = {
      name: 'forgetful',
      settings: { process: 'none' },
      forms: ['text'],
      open: async () => createStore({}, items, new Map([['another', items.at(1)]])),
    };
    const root = mkdtempSync(join(tmpdir(), 'deskcache-refusals-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    using scratch = new Scratch();
    const fresh = createItems('text', 100);
    // Reopened, it has the values it was born with, and not those of the round.
    const site = new PeerSite(forgetful, { durability: 'process', form: 'text', remember: true }, shift(fresh), root);
    await expect(new BuiltStores(scratch, COUNT).build(site, 1)).rejects.toThrow('came back as');
    await expect(new BuiltStores(scratch, COUNT).timeNewTransactions(site, indices, 10)).rejects.toThrow(
      'came back as',
    );
  });
});

/** The same values for other items. */
const shift = (all: typeof items): typeof items => ({
  form: all.form,
  at: (index) => all.at(index + 1),
  assertValue: (index, value) => all.assertValue(index + 1, value),
});
