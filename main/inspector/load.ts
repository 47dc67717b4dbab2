import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DiskCacheError } from '../../protocol/error.ts';
import { getItemFacts, getStoreSettings, withReadBudget } from '../engine/internal.ts';
import { describeMissing, getCodePaths, getRuntimePath } from '../engine/runtime-files.ts';
import type * as InspectorModule from './index.ts';
import type { EngineAccess, InspectionSource } from './inspected-stores.ts';

export interface LoadedInspector {
  readonly inspection: InspectorModule.Inspection;
  readonly handle: InspectorModule.RequestHandler;
  readonly startLoopbackServer: typeof InspectorModule.startLoopbackServer;
}

const engine: EngineAccess = { getItemFacts, getStoreSettings, withReadBudget };

/**
 * Loads the inspector for stores that are open in this process. It is a file beside the bundle, imported by its path, so that nothing of it is part of an
 * application's bundle.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if its files are missing, saying how to add them.
 */
export async function loadInspector(source: InspectionSource, write: boolean): Promise<LoadedInspector> {
  const { modulePath, pageDirectory } = findInspector();
  const { Inspection, createRequestHandler, startLoopbackServer } = await importInspector(modulePath);
  const inspection = new Inspection(source, { engine, write });
  return { inspection, handle: createRequestHandler(inspection, pageDirectory), startLoopbackServer };
}

const importInspector = (path: string): Promise<typeof InspectorModule> =>
  import(/* @vite-ignore */ /* webpackIgnore: true */ pathToFileURL(path).href);

/** In the repository, where this code isn't built, the page is what the last build has made. */
function findInspector(): { readonly modulePath: string; readonly pageDirectory: string } {
  const [file = ''] = getCodePaths();
  if (file.endsWith('.ts')) {
    const main = dirname(dirname(file));
    return { modulePath: join(main, 'inspector/index.ts'), pageDirectory: join(main, '../dist/deskcache/inspector') };
  }
  const pageDirectory = getRuntimePath('inspector');
  const modulePath = join(pageDirectory, 'server.cjs');
  if (existsSync(modulePath)) return { modulePath, pageDirectory };
  throw new DiskCacheError('BAD_OPTION', describeMissing('inspector', pageDirectory));
}
