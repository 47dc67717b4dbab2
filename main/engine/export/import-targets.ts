import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { writeStream } from '../cache/byte-streams.ts';
import { has } from '../cache/read.ts';
import { set } from '../cache/write.ts';
import { readPositions } from '../deque/positions.ts';
import { pushValues } from '../deque/push-pop.ts';
import { at as readAt, replace } from '../deque/random-access.ts';
import type { Core } from '../state/core.ts';
import { PINNED, type PinnedOptions } from '../state/settings.ts';
import { isEqual } from '../values/equality.ts';
import { encodeKey } from '../values/key.ts';
import type { ExportHeader, ExportKind, ItemFacts } from './export-format.ts';

/** What happens to an item that the store has under the same key or index: it stays, or is replaced. */
export type ExistingItems = 'keep' | 'replace';

/** What happened to an item. */
export type Outcome = 'imported' | 'existing';

/** A store that lines are imported into. */
export interface ImportTarget {
  /** The kinds of store whose export it takes. */
  readonly kinds: readonly ExportKind[];
  /** Checks what a header says, before anything is changed. @throws {DiskCacheError} */
  begin(header: ExportHeader): void;
  /** Now, in epoch milliseconds. @throws {DiskCacheError} `CLOSED` */
  now(): number;
  /** Runs `work` in one transaction. */
  transact(work: () => void): void;
  write(facts: ItemFacts, value: unknown, existing: ExistingItems): Outcome;
  /** Stores bytes while they are read; undefined if the store takes values only whole. */
  writeBytes?(facts: ItemFacts, bytes: AsyncIterable<Uint8Array>, existing: ExistingItems): Promise<Outcome>;
}

interface KeyedTarget extends Pick<ImportTarget, 'kinds' | 'begin' | 'transact'> {
  /** Returns the store of a key. @throws {DiskCacheError} `CLOSED` */
  route(key: Key): Core;
  /** @throws {DiskCacheError} `BAD_VALUE` for a value that doesn't fit a schema. */
  validate?(key: Key, value: unknown): unknown;
}

/** A store of items with keys. */
export function createKeyedTarget({ kinds, begin, transact, route, validate }: KeyedTarget): ImportTarget {
  const findCore = ({ key }: ItemFacts, existing: ExistingItems): Core | undefined => {
    const core = route(key as Key);
    return existing === 'keep' && has(core, key as Key) ? undefined : core;
  };
  return {
    kinds,
    begin,
    transact,
    now: () => route('').clock(),
    write(facts, value, existing) {
      const core = findCore(facts, existing);
      if (core === undefined) return 'existing';
      const key = facts.key as Key;
      set(core, key, validate === undefined ? value : validate(key, value), toSetOptions(facts));
      markQueue(core, facts);
      return 'imported';
    },
    ...(validate === undefined && {
      async writeBytes(facts, bytes, existing) {
        const core = findCore(facts, existing);
        if (core === undefined) return 'existing';
        await writeStream(() => route(facts.key as Key), facts.key as Key, bytes, toSetOptions(facts));
        markQueue(core, facts);
        return 'imported';
      },
    }),
  };
}

/** An item without an expiry keeps none, even if the store has a `ttl` of its own. */
const toSetOptions = ({ expiresAt = Number.POSITIVE_INFINITY, tag, isPinned }: ItemFacts): PinnedOptions => ({
  expiresAt,
  ...(tag !== undefined && { tag }),
  ...(isPinned && { [PINNED]: true }),
});

/** Makes an item one of a queue again, see `cache/push-pull.ts`. */
function markQueue(core: Core, { key, queue }: ItemFacts): void {
  if (queue === undefined) return;
  const row = core.sql.locate.first(encodeKey(key as Key));
  if (row !== undefined) core.sql.enqueue.run(encodeKey(queue), row[0]);
}

interface DequeSource extends Pick<ImportTarget, 'transact'> {
  open(): Core;
}

/**
 * A deque. Values have no keys, so those that the deque has already must be the first ones of the export: then an import that was
 * interrupted goes on behind them, and a repeated one changes nothing.
 */
export function createDequeTarget({ transact, open }: DequeSource): ImportTarget {
  let index = 0;
  return {
    kinds: ['deque'],
    transact(work) {
      const before = index;
      try {
        transact(() => {
          index = before;
          work();
        });
      } catch (error) {
        index = before;
        throw error;
      }
    },
    now: () => open().clock(),
    begin({ start, items }) {
      const { length, maxLength } = readPositions(open());
      index = start;
      if (start > length)
        throw new DiskCacheError(
          'BAD_OPTION',
          `The export begins with value ${start}, and the deque at ${open().directory} has ${length}; import the lines before it first`,
        );
      if (items > maxLength)
        throw new DiskCacheError(
          'BAD_OPTION',
          `The export has ${items} values, and the maxLength of the deque at ${open().directory} is ${maxLength}; raise it`,
        );
    },
    write(_, value, existing) {
      const core = open();
      const { length } = readPositions(core);
      const isNew = index >= length;
      const isSame = !isNew && isEqual(readAt(core, index), value);
      if (isNew) pushValues(core, [value], 'back');
      else if (!isSame && existing === 'replace') replace(core, index, value);
      else if (!isSame) {
        throw new DiskCacheError(
          'BAD_OPTION',
          `The deque at ${core.directory} has another value at index ${index}; import into an empty one, or with existing: 'replace'`,
        );
      }
      index++;
      return isSame ? 'existing' : 'imported';
    },
  };
}
