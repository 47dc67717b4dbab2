import { cache, defineStores } from 'deskcache';

const MiB = 2 ** 20;

/** A JSON answer of the upstream, with what is needed to ask for it again cheaply and to say how old it is. */
export interface ApiResponse {
  /** As it came: text is quicker to copy between processes than the hundred thousand small arrays of a map. */
  readonly json: string;
  /** The answer's entity tag; asking again with it costs a header when nothing has changed. */
  readonly etag?: string;
  /** Epoch milliseconds. */
  readonly fetchedAt: number;
}

/** What somebody wrote about a country. */
export interface Note {
  readonly text: string;
  /** Epoch milliseconds. */
  readonly editedAt: number;
}

/**
 * Everything Atlas keeps on disk. Answers and flags can be fetched again and may be evicted; a note exists nowhere else, so
 * it is never evicted and each write survives a power cut. Nothing has a time to live: offline, old is better than nothing.
 */
export const stores = defineStores({
  /** By path, such as `/v1/countries/FRA`; not by address, because the upstream may move. */
  api: cache<string, ApiResponse>({ sizeLimit: 32 * MiB }),
  /** SVG text as bytes, by ISO 3166-1 alpha-2 code. */
  flags: cache<string, Uint8Array>({ sizeLimit: 32 * MiB, evictionPolicy: 'least-recently-used' }),
  /** By ISO 3166-1 alpha-3 code. */
  notes: cache<string, Note>({ evictionPolicy: 'none', sizeLimit: Number.POSITIVE_INFINITY, durability: 'power' }),
});
