/** `deskcache/archive`: the stores of a directory as one file, and back, in plain Node. */
export { DiskCacheError, type ErrorCode } from '../engine/index.ts';
export {
  type ArchiveProgress,
  type ExportArchiveOptions,
  type ExportArchiveResult,
  exportArchive,
} from './export-archive.ts';
export {
  type ImportArchiveOptions,
  type ImportArchiveResult,
  type ImportedStore,
  importArchive,
} from './import-archive.ts';
