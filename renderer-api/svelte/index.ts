/*
 * `deskcache/svelte`: reactive state for Svelte 5, by runes (`entry.value`) and by the store contract (`$entry`). It is plain JavaScript and needs
 * no compiler, because it uses the function `createSubscriber`.
 */

export type { ConnectionSource, EntryRow, EntryStore, JobsOptions } from '../bindings/index.ts';
export { type LiveEntry, useEntries, useEntry } from './entries.ts';
export type { Live, ValueOrGetter, WritableLive } from './live-data.ts';
export { type LiveJobs, useConnection, useDeque, useJobs } from './sequences.ts';
export { type LiveSetting, useSetting } from './settings.ts';
