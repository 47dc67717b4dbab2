/** `deskcache/testing`: a real host and its pages in one process of plain Node, without Electron and without a window. */

export { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
export type { DiskCache } from '../../renderer-api/disk-cache.ts';
export type { Grant } from '../bridge/grant.ts';
export { type TemporaryDirectory, temporaryDirectory } from '../engine/temporary-directory.ts';
export type { TestOfflineOptions } from './http-backend.ts';
export type { FailOptions } from './injected-failures.ts';
export { testHost } from './open-test-host.ts';
export type { PageWindow } from './page-window.ts';
export type { TestClock } from './test-clock.ts';
export type {
  ElectronlessHost,
  TestAttachOptions,
  TestHost,
  TestHostOptions,
  TestPageOptions,
  TestPortOptions,
} from './test-host.ts';
