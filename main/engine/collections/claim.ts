import { DiskCacheError } from '../../../protocol/error.ts';
import type { CacheOptions, CollectionOptions } from '../../../protocol/options.ts';
import { isRecord } from '../cache/arguments.ts';
import { closeCore } from '../cache/close.ts';
import { configure } from '../cache/configure.ts';
import type { Core } from '../cache/core.ts';
import { openCore } from '../cache/open.ts';
import { atomically } from '../cache/transaction.ts';
import type { Column } from '../sqlite/connection.ts';
import { POSITIONS } from '../sqlite/positions.ts';
import type { Statements } from '../sqlite/statements.ts';

type CollectionKind = 'index' | 'deque';

/** What is pushed is seldom read twice, so the places of a deque are read past the memory tier. */
const INITIAL = { index: {}, deque: { memory: 0 } } as const satisfies Record<CollectionKind, CacheOptions>;

export type { CollectionOptions } from '../../../protocol/options.ts';

const OPTIONS: ReadonlySet<string> = new Set([
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

/** What the collections look at themselves. */
const OWN_OPTIONS = {
  index: ['version', 'migrate', 'schema'],
  deque: ['maxLength'],
} as const satisfies Record<CollectionKind, readonly string[]>;

/** @throws {DiskCacheError} `BAD_OPTION` for options that are no object. */
export function demandOptions(options: object): void {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a collection have to be an object');
}

/** Nothing expires, nothing is evicted. */
const FOR_GOOD = {
  sizeLimit: Number.POSITIVE_INFINITY,
  evictionPolicy: 'none',
  ttl: Number.POSITIVE_INFINITY,
} as const satisfies CacheOptions;

/**
 * Opens a directory as a collection. It is written down what it is, with `marks`, when it becomes one; from then on nothing
 * else is opened there. Two processes that come at once agree: the first one's marks hold.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an unknown option and for a directory that holds something else, which stays
 * untouched; else what `Cache` throws.
 */
export function openCollection(
  kind: CollectionKind,
  directory: string,
  options: CollectionOptions,
  marks: Readonly<Record<string, Column>>,
): Core {
  for (const name in options) {
    if (OPTIONS.has(name)) continue;
    const names = [...OWN_OPTIONS[kind], ...OPTIONS].join(', ');
    throw new DiskCacheError('BAD_OPTION', `"${name}" is no option of a collection (${kind}); there are ${names}`);
  }
  const core = openCore(directory, { ...INITIAL[kind], ...options, ...FOR_GOOD }, (sql, path) =>
    isClaimed(sql, kind, path),
  );
  core.kind = kind;
  try {
    if (!isClaimed(core.sql, kind, core.directory)) claim(core, kind, options, marks);
    return core;
  } catch (error) {
    closeCore(core);
    throw error;
  }
}

function claim(core: Core, kind: CollectionKind, options: CollectionOptions, marks: Readonly<Record<string, Column>>) {
  if (core.usage.readOnly) {
    throw new DiskCacheError('NO_SUCH_STORE', `${core.directory} holds no ${kind} yet and readOnly creates nothing`);
  }
  configure(core, { durability: options.durability ?? 'power' });
  atomically(core, () => {
    if (isClaimed(core.sql, kind, core.directory)) return;
    for (const [name, value] of Object.entries({ kind, ...marks })) core.sql.keepSetting.run(name, value);
    if (kind === 'deque') POSITIONS.dropKeyIndex(core.sql).run();
  });
}

/** A durable queue keeps its jobs in an index, so either may have been opened. */
const OPENED_AS: Readonly<Record<CollectionKind, string>> = { index: 'an index or a queue', deque: 'a deque' };

/** Whether the directory is one of these already; false for one that holds nothing yet. */
function isClaimed(sql: Statements, kind: CollectionKind, directory: string): boolean {
  const found = markOf(sql, 'kind') ?? (sql.composed('SELECT 1 FROM entry LIMIT 1').first() && 'cache');
  if (found === undefined || found === kind) return found === kind;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${directory} holds a ${found}, and ${OPENED_AS[kind]} needs a directory of its own; give another one`,
  );
}

/** What was written down about a collection. */
export function markOf(sql: Statements, name: string): Column | undefined {
  return sql.composed<[Column]>('SELECT value FROM setting WHERE name = ?').first(name)?.[0];
}
