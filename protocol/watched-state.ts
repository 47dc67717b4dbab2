import { deepFreeze } from './freeze.ts';
import type { Key } from './key.ts';
import { toKeyId } from './key-id.ts';
import type { Range, SubscribeOptions } from './options.ts';
import type { ChangeOrReset } from './wire.ts';

/** The state that a watch follows: read once, then updated by changes that carry values. */
export interface WatchedState<T> {
  /** Whether it must be read before the next `get`: it was never read, or changes were lost or carried no value. */
  readonly isUnknown: boolean;
  /** Takes the result of a read. `meanwhile`: the changes that arrived since the read began; the result may or may not contain them. */
  load(read: unknown, meanwhile: readonly ChangeOrReset[]): void;
  apply(change: ChangeOrReset): void;
  get(): T;
}

/** A state that is read again after each change. */
export class ReadState implements WatchedState<unknown> {
  isUnknown = true;
  #state: unknown;

  load(read: unknown, meanwhile: readonly ChangeOrReset[]): void {
    this.#state = deepFreeze(read);
    this.isUnknown = meanwhile.length > 0;
  }

  apply(): void {
    this.isUnknown = true;
  }

  get(): unknown {
    return this.#state;
  }
}

/** The value of one key; undefined while the key is missing. */
export class KeyState implements WatchedState<unknown> {
  isUnknown = true;
  #value: unknown;

  load(read: unknown, meanwhile: readonly ChangeOrReset[]): void {
    this.#value = deepFreeze(read);
    this.isUnknown = false;
    for (const change of meanwhile) this.apply(change);
  }

  apply(change: ChangeOrReset): void {
    // `clear` may also mean that changes were lost.
    if (change.kind === 'clear' || isWithoutValue(change)) this.isUnknown = true;
    else this.#value = change.value;
  }

  get(): unknown {
    return this.#value;
  }
}

/** The entries of a range of keys in stored order: a new key is the last one, and a key that is set again keeps its place. */
class EntriesState implements WatchedState<readonly (readonly [Key, unknown])[]> {
  isUnknown = true;
  readonly #isReverse: boolean;
  readonly #entries = new Map<string | number, readonly [Key, unknown]>();

  constructor(isReverse: boolean) {
    this.#isReverse = isReverse;
  }

  load(read: unknown, meanwhile: readonly ChangeOrReset[]): void {
    const entries = read as readonly [Key, unknown][];
    this.#entries.clear();
    for (const [key, value] of this.#isReverse ? entries.toReversed() : entries) this.#set(key, value);
    const removed = new Set<string | number>();
    this.isUnknown = false;
    for (const change of meanwhile) {
      const id = change.key === undefined ? undefined : toKeyId(change.key);
      // A key that was removed and set again moves to the end, but the read may already contain that: its position is uncertain.
      if (change.kind === 'set' && removed.has(id!)) this.isUnknown = true;
      if (change.kind !== 'set' && id !== undefined) removed.add(id);
      this.apply(change);
    }
  }

  apply(change: ChangeOrReset): void {
    if (this.isUnknown) return;
    if (change.key === undefined || isWithoutValue(change)) this.isUnknown = true;
    else if (change.kind === 'set') this.#set(change.key, change.value);
    else this.#entries.delete(toKeyId(change.key));
  }

  get(): readonly (readonly [Key, unknown])[] {
    const entries = [...this.#entries.values()];
    return Object.freeze(this.#isReverse ? entries.reverse() : entries);
  }

  #set(key: Key, value: unknown): void {
    this.#entries.set(toKeyId(key), Object.freeze([key, deepFreeze(value)] as const));
  }
}

const isWithoutValue = (change: ChangeOrReset): boolean =>
  change.kind === 'reset' || (change.kind === 'set' && (change.error !== undefined || !('value' in change)));

/** Returns the state of a range. A range with `order: 'key'`, `tag` or `limit` is read again: changes don't carry what it depends on. */
export const createEntriesState = ({ order, tag, limit, reverse }: Range): WatchedState<unknown> =>
  order === 'key' || tag !== undefined || limit !== undefined ? new ReadState() : new EntriesState(reverse === true);

/** Returns the options of the subscription that keeps a range's state. Changes need no values if each makes it read again. */
export const toSubscribeOptions = ({ prefix, from, to }: Range, state: WatchedState<unknown>): SubscribeOptions => ({
  ...(prefix !== undefined && { prefix }),
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
  values: !(state instanceof ReadState),
});
