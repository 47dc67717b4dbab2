/*
 * `deskcache/vue`: composables. Each returns a ref that follows a store, with `error` and `isLoading` as its properties.
 */

export type { ConnectionSource, EntryRow, EntryStore, JobsOptions } from '../bindings/index.ts';
export { type EntryMethods, useEntries, useEntry } from './entries.ts';
export type { LiveRef, LiveState } from './live-ref.ts';
export { type QueueState, useConnection, useDeque, useJobs } from './sequences.ts';
export { type SettingMethods, useSetting } from './settings.ts';
