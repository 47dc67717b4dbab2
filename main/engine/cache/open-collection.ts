import { DiskCacheError } from '../../../protocol/error.ts';
import type { CacheOptions, CollectionOptions } from '../../../protocol/options.ts';
import type { Column } from '../sqlite/connection.ts';
import { DEQUE_STATEMENTS } from '../sqlite/deque-statements.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { isRecord } from '../validate.ts';
import { configure } from './configure.ts';
import { closeCore, openCore } from './open.ts';
import { inWriteTransaction } from './transaction.ts';

type CollectionKind = 'index' | 'deque';

/** Pushed values are seldom read twice, so a deque has no memory cache. */
const DEFAULT_OPTIONS = { index: {}, deque: { memory: 0 } } as const satisfies Record<CollectionKind, CacheOptions>;

export type { CollectionOptions } from '../../../protocol/options.ts';

const SHARED_OPTIONS: ReadonlySet<string> = new Set([
  'clock',
  'codec',
  'compression',
  'durability',
  'exclusive',
  'fileThreshold',
  'memory',
  'readOnly',
  'timeout',
] satisfies (keyof CollectionOptions)[]);

/** Options that the collections check themselves. */
const KIND_OPTIONS = {
  index: ['version', 'migrate', 'schema'],
  deque: ['maxLength'],
} as const satisfies Record<CollectionKind, readonly string[]>;

/** @throws {DiskCacheError} `BAD_OPTION` for options that are no object. */
export function assertCollectionOptions(options: object): void {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a collection have to be an object');
}

/** Nothing expires, nothing is evicted. */
const NEVER_EVICT = {
  sizeLimit: Number.POSITIVE_INFINITY,
  evictionPolicy: 'none',
  ttl: Number.POSITIVE_INFINITY,
} as const satisfies CacheOptions;

/**
 * Opens a directory as a collection. Its kind is stored, with `metadata`, when it becomes one; from then on no other kind can be opened
 * there. If two processes open it at once, the metadata of the first one counts.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an unknown option and for a directory that holds something else, which stays
 * untouched; else what `Cache` throws.
 */
export function openCollection(
  kind: CollectionKind,
  directory: string,
  options: CollectionOptions,
  metadata: Readonly<Record<string, Column>>,
): Core {
  for (const name in options) {
    if (SHARED_OPTIONS.has(name)) continue;
    const names = [...KIND_OPTIONS[kind], ...SHARED_OPTIONS].join(', ');
    throw new DiskCacheError('BAD_OPTION', `"${name}" is no option of a collection (${kind}); there are ${names}`);
  }
  const core = openCore(directory, { ...DEFAULT_OPTIONS[kind], ...options, ...NEVER_EVICT }, (sql, path) =>
    isClaimed(sql, kind, path),
  );
  core.kind = kind;
  try {
    if (!isClaimed(core.sql, kind, core.directory)) claim(core, kind, options, metadata);
    return core;
  } catch (error) {
    closeCore(core);
    throw error;
  }
}

function claim(
  core: Core,
  kind: CollectionKind,
  options: CollectionOptions,
  metadata: Readonly<Record<string, Column>>,
) {
  if (core.openOptions.readOnly) {
    throw new DiskCacheError('NO_SUCH_STORE', `${core.directory} holds no ${kind} yet and readOnly creates nothing`);
  }
  configure(core, { durability: options.durability ?? 'power' });
  inWriteTransaction(core, () => {
    if (isClaimed(core.sql, kind, core.directory)) return;
    for (const [name, value] of Object.entries({ kind, ...metadata })) writeMetadata(core, name, value);
    if (kind === 'deque') DEQUE_STATEMENTS.dropKeyIndex(core.sql).run();
  });
}

/** A durable queue keeps its jobs in an index, so either may have been opened. */
const OPENER_NAMES: Readonly<Record<CollectionKind, string>> = { index: 'an index or a queue', deque: 'a deque' };

/** Returns whether the directory is of this kind already; false for an empty one. */
function isClaimed(sql: Statements, kind: CollectionKind, directory: string): boolean {
  const found = readMetadata(sql, 'kind') ?? (sql.dynamic('SELECT 1 FROM entry LIMIT 1').first() && 'cache');
  if (found === undefined || found === kind) return found === kind;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${directory} holds a ${found}, and ${OPENER_NAMES[kind]} needs a directory of its own; give another one`,
  );
}

/** Stores a fact about a collection. Inside a write transaction. */
export function writeMetadata({ sql, metadata }: Core, name: string, value: Column): void {
  sql.keepSetting.run(name, value);
  metadata.set(name, value);
}

/** Returns what is stored about a collection. */
export function readMetadata(sql: Statements, name: string): Column | undefined {
  return sql.dynamic<[Column]>('SELECT value FROM setting WHERE name = ?').first(name)?.[0];
}
