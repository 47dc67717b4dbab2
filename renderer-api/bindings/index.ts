/*
 * The part of the bindings that is independent of a framework. Each function returns an `Observer`, which is shared by all components that show
 * the same data of a store.
 */

export { type ConnectionSource, observeConnection } from './connection.ts';
export { observeEntries } from './entries.ts';
export { deleteEntry, type EntryRow, type EntryStore, observeEntry, setEntry } from './entry.ts';
export type { JobList, JobsOptions } from './job-list.ts';
export type { Observer, Snapshot } from './observer.ts';
export { observeDeque, observeJobs } from './sequences.ts';
export { observeSetting, setSetting } from './setting.ts';
