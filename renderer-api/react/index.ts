/* `deskcache/react`: hooks that return the data of a page's stores and follow its changes. React 18 or later. */

export type { ConnectionSource, EntryRow, EntryStore, JobList, JobsOptions } from '../bindings/index.ts';
export { type EntryActions, type EntryResult, type NextValue, useEntry } from './use-entry.ts';
export {
  type ConnectionResult,
  type DequeResult,
  type EntriesResult,
  type JobsResult,
  useConnection,
  useDeque,
  useEntries,
  useJobs,
} from './use-lists.ts';
export type { DataState, SuspenseOptions } from './use-observer.ts';
export { type SettingActions, type SettingResult, useSetting } from './use-setting.ts';
