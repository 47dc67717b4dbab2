/** `deskcache/webpack`: a plugin for the build of the main process with webpack 5. */
import { assertBundlingOptions, type BundlingOptions, isMainEntry, readBundledFiles } from './bundled-files.ts';

export type { BundlingOptions } from './bundled-files.ts';

/** The part of webpack's plugin interface that is used here; this package doesn't depend on webpack. */
interface WebpackCompilation {
  readonly modules: Iterable<object>;
  emitAsset(path: string, source: object): void;
  readonly hooks: {
    readonly processAssets: {
      tap(options: { readonly name: string; readonly stage: number }, callback: () => void): void;
    };
  };
}

interface WebpackCompiler {
  readonly webpack: {
    readonly sources: { readonly RawSource: new (content: Buffer) => object };
    readonly Compilation: { readonly PROCESS_ASSETS_STAGE_ADDITIONAL: number };
  };
  readonly hooks: {
    readonly compilation: { tap(name: string, callback: (compilation: WebpackCompilation) => void): void };
  };
}

/**
 * For the build of the main process (`target: 'electron-main'`). Copies the files that deskcache needs at run time into the folder `deskcache` next to
 * the bundle, as `deskcache/vite` does. Does nothing if deskcache is external.
 */
export class DeskcachePlugin {
  readonly #options: BundlingOptions;

  constructor(options: BundlingOptions = {}) {
    assertBundlingOptions(options);
    this.#options = options;
  }

  /** @throws {Error} for a platform without a native file of better-sqlite3; it fails the build. */
  apply(compiler: WebpackCompiler): void {
    const { sources, Compilation } = compiler.webpack;
    compiler.hooks.compilation.tap('deskcache', (compilation) => {
      const stage = Compilation.PROCESS_ASSETS_STAGE_ADDITIONAL;
      compilation.hooks.processAssets.tap({ name: 'deskcache', stage }, () => {
        if (!getResources(compilation).some(isMainEntry)) return;
        for (const { path, content } of readBundledFiles(this.#options)) {
          compilation.emitAsset(path, new sources.RawSource(Buffer.from(content)));
        }
      });
    });
  }
}

export default DeskcachePlugin;

/** A webpack module. A concatenated one has its parts in `modules`. */
interface WebpackModule {
  readonly resource?: string;
  readonly modules?: readonly WebpackModule[];
}

function getResources({ modules }: WebpackCompilation): string[] {
  return [...(modules as Iterable<WebpackModule>)]
    .flatMap((module) => [module, ...(module.modules ?? [])])
    .flatMap(({ resource }) => resource ?? []);
}
