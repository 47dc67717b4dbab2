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

/** A plugin as Vite, Rolldown and Rollup take it. */
export interface VitePlugin {
  readonly name: 'deskcache';
  readonly enforce: 'pre';
  resolveId(source: string): { readonly id: string; readonly external: true } | null;
  writeBundle(this: WritingContext, options: BundleOutput): void;
}

/**
 * For the build of the main process. Keeps `electron` and Node's modules external, and copies what deskcache needs at run time into the
 * folder `deskcache` beside the bundle: the preload script, the utility process's file, and better-sqlite3 with the native files of
 * `platforms`. A build that has deskcache external gets nothing.
 *
 * @throws {Error} for an option that is misspelt, and for a platform that better-sqlite3 has no native file for.
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
