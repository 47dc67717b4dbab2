/**
 * Builds one store of a peer in this process and prints what was measured as JSON, the figures of several rounds.
 * Arguments: peer, empty directory, items, operations.
 */
import { GROWING_PEERS } from '../peer/stores/peers.ts';
import { PeerMissingError } from '../peer/stores/store.ts';
import { createItems } from './items.ts';
import { drawIndices, VALUE_BYTES } from './keys-and-values.ts';
import { measureDirectory, PeerSite } from './peer-site.ts';
import { assertItems, timeGets, timeRepeatedSets, timeTransactions } from './peer-workload.ts';
import { measureMicrosecondsAsync } from './timing.ts';
import { measureUsedBytes } from './used-memory.ts';

/** Figures by round; one where a store can't be built again for each. */
export interface GrownStore {
  readonly figures: Readonly<Record<'fill' | 'get' | 'set' | 'open' | 'disk' | 'memory', readonly number[]>>;
}

const ROUNDS = 5;
const BATCH_ITEMS = 1000;
/** Items whose entries are made at once: the store is to be in memory, not what goes into it. */
const CHUNK_ITEMS = 50_000;
const MiB = 2 ** 20;
/** Prime to any count of items, so that all of them come once, at random enough. */
const STRIDE = 7_368_787;

/** The items from `first` of a walk over all `count`, in an order that needs no memory. */
function walkItems(first: number, length: number, count: number): Uint32Array {
  return Uint32Array.from({ length: Math.min(length, count - first) }, (_, nth) =>
    Number((BigInt(first + nth) * BigInt(STRIDE)) % BigInt(count)),
  );
}

async function growStore(site: PeerSite, count: number, operations: number): Promise<GrownStore> {
  const { items } = site;
  const before = measureUsedBytes();
  const store = await site.reopen();
  let fillMicroseconds = 0;
  for (let first = 0; first < count; first += CHUNK_ITEMS) {
    const chunk = walkItems(first, CHUNK_ITEMS, count);
    fillMicroseconds += (await timeTransactions(store, items, chunk, BATCH_ITEMS)) * chunk.length;
  }
  const rounds = Array.from({ length: ROUNDS }, (_, round) => round + 1);
  const [get, set, open]: [number[], number[], number[]] = [[], [], []];
  for (const round of rounds) get.push(await timeGets(site.store, items, drawIndices(operations, count, round)));
  const memory = Math.max(0, measureUsedBytes() - before) / MiB;
  await site.close();
  const disk = measureDirectory(site.directory) / MiB;
  for (const round of rounds) {
    await site.close();
    const probe = drawIndices(1, count, round);
    open.push(await measureMicrosecondsAsync(1000, async () => assertItems(await site.reopen(), items, probe)));
  }
  // Last, because it leaves other values.
  for (const round of rounds)
    set.push(await timeRepeatedSets(await site.reopen(), items, drawIndices(operations, count, round), round));
  await site.close();
  return { figures: { fill: [fillMicroseconds / count], get, set, open, disk: [disk], memory: [memory] } };
}

const [name, directory = '', count, operations] = process.argv.slice(2);
const peer = GROWING_PEERS.find((candidate) => candidate.name === name);
if (peer === undefined) throw new Error(`Unknown peer "${name}"`);
const items = createItems('text', VALUE_BYTES);
const site = new PeerSite(peer, { durability: 'process', form: 'text', remember: true }, items, directory);
try {
  console.log(JSON.stringify(await growStore(site, Number(count), Number(operations))));
} catch (error) {
  if (!(error instanceof PeerMissingError)) throw error;
  console.log(JSON.stringify({ skipped: error.message }));
}
process.exit(0);
