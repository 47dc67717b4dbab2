import { cache, defineStores, index } from 'deskcache';
import type { Draft } from './note.ts';

const MiB = 2 ** 20;

/**
 * The stores of Atlas; the outbox is a queue besides them. Responses and flags can be fetched again and may be evicted. A draft exists
 * nowhere else, so it is in an index, which evicts nothing and whose writes survive a power cut.
 */
export const stores = defineStores({
  /** The server's responses, stored by the HTTP cache. */
  answers: cache({ sizeLimit: 64 * MiB, evictionPolicy: 'least-recently-used' }),
  /** SVG text as bytes, by ISO 3166-1 alpha-2 code. */
  flags: cache<string, Uint8Array>({ sizeLimit: 32 * MiB, evictionPolicy: 'least-recently-used' }),
  /** By ISO 3166-1 alpha-3 code. */
  drafts: index<string, Draft>(),
  /** Whether the user has switched the network off. */
  settings: index<'offline', boolean>(),
});
