/** What does sealing cost? */
import { Cache, type CacheOptions } from '../main/engine/index.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { drawIndices, shuffleIndices, toKeys, VALUE_BYTES, Values } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { measureMicroseconds } from './harness/timing.ts';
import { timeGets } from './harness/workload.ts';

type BytesCache = Cache<string, string | Uint8Array>;

const PLAIN = 'not sealed';
const SEALED = 'sealed';
const ENCRYPTION_KEY = new Uint8Array(32).fill(1);
const LARGE_BYTES = 1024 ** 2;
const LARGE_VALUES = 16;

export const benchmark: Benchmark = {
  name: 'sealing',
  asks: 'What does it cost to seal values, and to open them?',
  async *comparisons({ keys, operations }) {
    using scratch = new Scratch();
    const values = new Values('bytes', VALUE_BYTES);
    const open = (options: CacheOptions): BytesCache => new Cache(scratch.directory(), { exclusive: true, ...options });
    using plain = open({});
    using sealed = open({ encryptionKey: ENCRYPTION_KEY });
    using plainOnDisk = open({ memory: 0 });
    using sealedOnDisk = open({ memory: 0, encryptionKey: ENCRYPTION_KEY });
    const everything = shuffleIndices(0, keys, 1);
    for (const cache of [plain, sealed, plainOnDisk, sealedOnDisk])
      cache.transact(() => timeSets(cache, values, everything));

    const anywhere = (round: number) => drawIndices(operations, keys, round);
    yield {
      title: `set of ${VALUE_BYTES} bytes in an exclusive store, over existing ones of ${keys}`,
      unit: 'µs',
      contenders: [
        { name: PLAIN, round: (round) => timeSets(plain, values, anywhere(round)) },
        { name: SEALED, round: (round) => timeSets(sealed, values, anywhere(round)) },
      ],
      goals: [],
    };
    yield {
      title: `get of ${VALUE_BYTES} bytes, not in memory: all of ${keys}`,
      unit: 'µs',
      contenders: [
        { name: PLAIN, round: (round) => timeGets(plainOnDisk, values, anywhere(round)) },
        { name: SEALED, round: (round) => timeGets(sealedOnDisk, values, anywhere(round)) },
      ],
      goals: [],
    };
    const recent = (round: number) => drawIndices(operations * 5, keys / 10, round);
    yield {
      title: `get of ${VALUE_BYTES} bytes, used recently: ${keys / 10} of ${keys}`,
      unit: 'µs',
      contenders: [
        { name: PLAIN, round: (round) => timeGets(plain, values, recent(round)) },
        { name: SEALED, round: (round) => timeGets(sealed, values, recent(round)) },
      ],
      goals: [],
    };
    const large = new Uint8Array(LARGE_BYTES).map((_, at) => (at * 7) & 0xff);
    const timeLarge = (work: (key: string) => void) =>
      measureMicroseconds(LARGE_VALUES, () => {
        for (let nth = 0; nth < LARGE_VALUES; nth++) work(`large ${nth}`);
      }) / 1000;
    yield {
      title: 'set of 1 MiB, in a file',
      unit: 'ms',
      contenders: [
        { name: PLAIN, round: () => timeLarge((key) => plain.set(key, large)) },
        { name: SEALED, round: () => timeLarge((key) => sealed.set(key, large)) },
      ],
      goals: [],
    };
    yield {
      title: 'get of 1 MiB, in a file',
      unit: 'ms',
      contenders: [
        { name: PLAIN, round: () => timeLarge((key) => plain.get(key)) },
        { name: SEALED, round: () => timeLarge((key) => sealed.get(key)) },
      ],
      goals: [],
    };
  },
};

function timeSets(cache: BytesCache, values: Values, indices: Uint32Array): number {
  const names = toKeys(indices);
  return measureMicroseconds(names.length, () => {
    for (let nth = 0; nth < names.length; nth++) cache.set(names[nth]!, values.at(indices[nth]!));
  });
}

if (import.meta.main) await runStandalone(benchmark);
