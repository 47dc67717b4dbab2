/** `deskcache/esbuild`: a plugin for the build of the main process with esbuild. */
import { dirname, join, resolve } from 'node:path';
import {
  assertBundlingOptions,
  type BundlingOptions,
  isMainEntry,
  isRuntimeModule,
  readBundledFiles,
  writeBundledFiles,
} from './bundled-files.ts';

export type { BundlingOptions } from './bundled-files.ts';

/** The part of esbuild's plugin interface that is used here; this package doesn't depend on esbuild. */
interface EsbuildBuild {
  readonly initialOptions: {
    outdir?: string | undefined;
    outfile?: string | undefined;
    absWorkingDir?: string | undefined;
    write?: boolean | undefined;
  };
  onResolve(
    filter: { readonly filter: RegExp },
    callback: (args: { readonly path: string }) => { readonly path: string; readonly external: true } | undefined,
  ): void;
  onLoad(filter: { readonly filter: RegExp }, callback: (args: { readonly path: string }) => undefined): void;
  onStart(callback: () => void): void;
  onEnd(
    callback: (result: { readonly errors: readonly unknown[]; outputFiles?: EsbuildOutputFile[] | undefined }) => void,
  ): void;
}

interface EsbuildOutputFile {
  path: string;
  contents: Uint8Array;
  hash: string;
  readonly text: string;
}

export interface EsbuildPlugin {
  readonly name: 'deskcache';
  setup(build: EsbuildBuild): void;
}

/**
 * For the build of the main process (`platform: 'node'`). Keeps `electron` external and copies the files that deskcache needs at run time into the
 * folder `deskcache` next to the bundle, as `deskcache/vite` does. Does nothing if deskcache is external.
 *
 * @throws {Error} for an unknown option; for a platform without a native file of better-sqlite3, which fails the build.
 */
export function deskcache(options: BundlingOptions = {}): EsbuildPlugin {
  assertBundlingOptions(options);
  return {
    name: 'deskcache',
    setup(build) {
      let isBundled = false;
      build.onStart(() => {
        isBundled = false;
      });
      build.onResolve({ filter: /^(electron|node:)/ }, ({ path }) =>
        isRuntimeModule(path) ? { path, external: true } : undefined,
      );
      build.onLoad({ filter: /[\\/](main|engine|offline)\.js$/ }, ({ path }) => {
        isBundled ||= isMainEntry(path);
        return undefined;
      });
      build.onEnd((result) => {
        if (!isBundled || result.errors.length > 0) return;
        const folder = getOutputFolder(build.initialOptions);
        if (build.initialOptions.write !== false) return writeBundledFiles(folder, options);
        const files = readBundledFiles(options).map(({ path, content }) => toOutputFile(join(folder, path), content));
        result.outputFiles?.push(...files);
      });
    },
  };
}

export default deskcache;

function getOutputFolder({ absWorkingDir = process.cwd(), outdir, outfile }: EsbuildBuild['initialOptions']): string {
  if (outdir !== undefined) return resolve(absWorkingDir, outdir);
  if (outfile !== undefined) return dirname(resolve(absWorkingDir, outfile));
  throw new Error('deskcache/esbuild: give the build an outfile or an outdir, beside which its files are copied');
}

const toOutputFile = (path: string, contents: Uint8Array): EsbuildOutputFile => ({
  path,
  contents,
  hash: '',
  get text() {
    return new TextDecoder().decode(contents);
  },
});
