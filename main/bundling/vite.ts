/** `deskcache/vite`: a plugin for the build of the main process with Vite (electron-vite, Electron Forge), Rolldown or Rollup. */
import { dirname, resolve } from 'node:path';
import {
  assertBundlingOptions,
  type BundlingOptions,
  isMainEntry,
  isRuntimeModule,
  writeBundledFiles,
} from './bundled-files.ts';

export type { BundlingOptions } from './bundled-files.ts';

/** The part of the bundlers' plugin interface that is used here; this package doesn't depend on them. */
interface WritingContext {
  getModuleIds(): Iterable<string>;
}

interface BundleOutput {
  readonly dir?: string | undefined;
  readonly file?: string | undefined;
}

/** A plugin for Vite, Rolldown and Rollup. */
export interface VitePlugin {
  readonly name: 'deskcache';
  readonly enforce: 'pre';
  resolveId(source: string): { readonly id: string; readonly external: true } | null;
  writeBundle(this: WritingContext, options: BundleOutput): void;
}

/**
 * For the build of the main process. Keeps `electron` and Node's modules external, and copies the files that deskcache needs at run time into the
 * folder `deskcache` next to the bundle: the preload script, the utility process's file, and better-sqlite3 with the native files of
 * `platforms`. Does nothing if deskcache is external.
 *
 * @throws {Error} for an unknown option, and for a platform without a native file of better-sqlite3.
 */
export function deskcache(options: BundlingOptions = {}): VitePlugin {
  assertBundlingOptions(options);
  return {
    name: 'deskcache',
    enforce: 'pre',
    resolveId: (source) => (isRuntimeModule(source) ? { id: source, external: true } : null),
    // Not as assets of the bundle: a build for the server, such as electron-vite's, drops those.
    writeBundle({ dir, file }) {
      if (![...this.getModuleIds()].some(isMainEntry)) return;
      writeBundledFiles(resolve(dir ?? dirname(file ?? '.')), options);
    },
  };
}

export default deskcache;
