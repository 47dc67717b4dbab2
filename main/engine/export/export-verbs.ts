import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import { readPositions } from '../deque/positions.ts';
import type { Core } from '../state/core.ts';
import type { ExportHeader } from './export-format.ts';
import { type ExportOptions, exportStore, STORED_IN_INDEX, type StoredInIndex } from './export-store.ts';
import { type ExportLines, type ImportLinesOptions, type ImportLinesResult, importStore } from './import-store.ts';
import { createDequeTarget, createKeyedTarget } from './import-targets.ts';

export type { ExportOptions } from './export-store.ts';
export type { ExportLines, ImportLinesOptions, ImportLinesResult } from './import-store.ts';

/*
 * `export` and `import` of each class. `open` returns what the store works on, and throws once it is closed.
 */

type Transact = (work: () => void) => void;

/** Of a Cache, or with several cores of a FanoutCache. */
export function exportCache(
  kind: 'cache' | 'fanout',
  open: () => readonly Core[],
  options?: ExportOptions,
): AsyncIterable<string> {
  const [core, ...others] = open() as readonly [Core, ...Core[]];
  const shards = kind === 'fanout' ? { shards: others.length + 1 } : {};
  return exportStore({ kind, open, settings: { ...core.settings, ...shards } }, options);
}

export const importCache = (
  store: { readonly transact: Transact },
  route: (key: Key) => Core,
  lines: ExportLines,
  options?: ImportLinesOptions,
): Promise<ImportLinesResult> =>
  importStore(
    createKeyedTarget({ kinds: ['cache', 'fanout'], begin: () => {}, route, transact: (work) => store.transact(work) }),
    lines,
    options,
  );

export function exportIndex(open: () => Core, version: number, options?: ExportOptions): AsyncIterable<string> {
  const { kind, settings } = (options as StoredInIndex | undefined)?.[STORED_IN_INDEX] ?? {
    kind: 'index' as const,
    settings: { version },
  };
  return exportStore({ kind, open: () => [open()], settings }, options);
}

/** `validate` checks values against the schema; undefined without one. */
export function importIndex(
  open: () => Core,
  version: number,
  validate: ((key: Key, value: unknown) => unknown) | undefined,
  lines: ExportLines,
  options?: ImportLinesOptions,
): Promise<ImportLinesResult> {
  const stored = (options as StoredInIndex | undefined)?.[STORED_IN_INDEX];
  const { kind, settings } = stored ?? { kind: 'index' as const, settings: { version } };
  const check = stored?.validate ?? validate;
  const target = createKeyedTarget({
    kinds: [kind],
    begin: (header) => assertVersion(header, settings['version'], open()),
    route: open,
    transact: (work) => inWriteTransaction(open(), work),
    ...(check && { validate: check }),
  });
  return importStore(target, lines, options);
}

/** Migrations run when a store is opened, so what is imported into an open one must have its version. */
function assertVersion({ settings }: ExportHeader, version: unknown, { directory }: Core): void {
  if (settings['version'] === version) return;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `The export has version ${JSON.stringify(settings['version'])?.slice(0, 40)} of the data, and the store at ${directory} version ${JSON.stringify(version)}; import into a new directory with that version, and open it with migrations then`,
  );
}

export function exportDeque(open: () => Core, options?: ExportOptions): AsyncIterable<string> {
  const { first, maxLength } = readPositions(open());
  return exportStore({ kind: 'deque', open: () => [open()], settings: { maxLength }, first }, options);
}

export const importDeque = (
  open: () => Core,
  transact: Transact,
  lines: ExportLines,
  options?: ImportLinesOptions,
): Promise<ImportLinesResult> => importStore(createDequeTarget({ open, transact }), lines, options);
