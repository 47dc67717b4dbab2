import { type CacheOptions, FanoutCache } from '../../main/engine/index.ts';
import { runRandomWalks, type WalkCounts } from './random-walks.ts';
import { FILE_THRESHOLD } from './samples.ts';
import { move } from './steps.ts';
import { type StoreSetup, Walk } from './walk.ts';

class ThreeShards extends FanoutCache {
  constructor(directory: string, options: CacheOptions) {
    super(directory, { ...options, shards: 3 });
  }
}

/** Any 32 bytes. */
const KEY = new Uint8Array(32).fill(7);

/** Nothing is evicted, so every result is known. */
const settings = { evictionPolicy: 'none', fileThreshold: FILE_THRESHOLD } as const;

export const SETUPS: { readonly [name: string]: StoreSetup } = {
  'as it comes': { settings, usage: {}, handles: 1 },
  'two handles and little memory': {
    settings: { ...settings, tagIndex: true },
    usage: { memory: 24 * 1024 },
    handles: 2,
  },
  'no memory, a default ttl, compressed': {
    settings: { ...settings, ttl: 50, compression: 'zstd' },
    usage: { memory: 0 },
    handles: 1,
  },
  'sealed, compressed': {
    settings: { ...settings, compression: 'zstd' },
    usage: { encryptionKey: KEY },
    handles: 2,
  },
  'sealed, exclusive, over three shards': {
    settings,
    usage: { encryptionKey: KEY, exclusive: true },
    handles: 1,
    kind: ThreeShards,
  },
  'over three shards': { settings, usage: {}, handles: 1, kind: ThreeShards },
  exclusive: { settings: { ...settings, statistics: true }, usage: { exclusive: true }, handles: 1 },
  'exclusive, synced': {
    settings: { ...settings, durability: 'power' },
    usage: { exclusive: true },
    handles: 1,
  },
  'exclusive, over three shards': { settings, usage: { exclusive: true }, handles: 1, kind: ThreeShards },
};

/** Runs random walks over a setup. Returns the number of operations. */
export async function runStoreWalks(setup: StoreSetup, length: WalkCounts): Promise<number> {
  let operations = 0;
  const take = async (moves: Parameters<Walk['run']>[0], directory: string): Promise<void> => {
    const walk = new Walk(directory, setup);
    try {
      await walk.run(moves);
      walk.finish();
    } finally {
      walk.close();
      operations += walk.operations;
    }
  };
  await runRandomWalks(move, take, length);
  return operations;
}
