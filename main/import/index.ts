/** `deskcache/import`: reads directories of Python DiskCache into open stores, in plain Node. */

export { DiskCacheError, type ErrorCode } from '../engine/index.ts';
export {
  type ImportDiskCacheOptions,
  type ImportProgress,
  type ImportResult,
  importDiskCache,
  type NamedImport,
  type SkippedItem,
} from './import-disk-cache.ts';
export type { ImportTarget } from './import-targets.ts';
export type { PythonStoreKind } from './python-directory.ts';
export type { PythonDisk } from './stored-items.ts';
