import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createItems } from '../../bench/harness/items.ts';
import { shuffleIndices } from '../../bench/harness/keys-and-values.ts';
import { measureDirectory, PeerSite, PeerSites } from '../../bench/harness/peer-site.ts';
import { timeDeletes, timeGets, timeQueue, timeSets, timeTransactions } from '../../bench/harness/peer-workload.ts';
import { Scratch } from '../../bench/harness/scratch.ts';
import { ALL_PEERS, FAST_PEERS, READING_PEERS } from '../../bench/peer/stores/peers.ts';

const COUNT = 40;
const PEERS = [...new Set([...ALL_PEERS, ...READING_PEERS, ...FAST_PEERS])];
const PAGE = join(import.meta.dirname, '../../docs/performance.md');

describe.each(PEERS)('$name', (peer) => {
  it.each(
    (['process', 'power'] as const).flatMap((durability) => peer.forms.map((form) => [durability, form] as const)),
  )("does each row's work, and has it on disk: '%s', %s", async (durability, form) => {
    using scratch = new Scratch();
    const items = createItems(form, 100);
    const options = { durability, form, remember: true };
    await using sites = await PeerSites.open([peer], scratch, options, items, COUNT);
    const [site] = sites.all;
    if (!(site instanceof PeerSite)) {
      expect(site!.skipped).toMatch(/^not (here|offered): /);
      return;
    }
    const indices = shuffleIndices(0, COUNT, 2);
    await timeGets(site.store, items, indices);
    await timeSets(site.store, items, indices, 1);
    await timeTransactions(site.store, items, indices, 20, 2);
    await timeQueue(site.store, items, COUNT, 10);
    const store = await site.reopen();
    for (const index of indices) await timeSets(store, items, Uint32Array.of(index));
    await timeDeletes(await site.reopen(), items, indices);
    expect(measureDirectory(site.directory)).toBeGreaterThan(0);
  });

  it('has its settings for each durability in docs/performance.md', () => {
    const page = readFileSync(PAGE, 'utf8');
    for (const setting of Object.values(peer.settings)) expect(page).toContain(setting);
  });
});
