import { cache, defineStores, index } from 'deskcache';
import type { Draft } from './note.ts';

const MiB = 2 ** 20;

/**
 * What Atlas keeps on disk, besides its outbox. Answers and flags can be fetched again and may be evicted; a draft exists nowhere
 * else, so it is in an index, which evicts nothing and whose writes survive a power cut.
 */
export const stores = defineStores({
  /** The server's answers, as its HTTP cache keeps them. */
  answers: cache({ sizeLimit: 64 * MiB, evictionPolicy: 'least-recently-used' }),
  /** SVG text as bytes, by ISO 3166-1 alpha-2 code. */
  flags: cache<string, Uint8Array>({ sizeLimit: 32 * MiB, evictionPolicy: 'least-recently-used' }),
  /** By ISO 3166-1 alpha-3 code. */
  drafts: index<string, Draft>(),
  /** Whether somebody wants Atlas to stay off the network. */
  settings: index<'offline', boolean>(),
});
