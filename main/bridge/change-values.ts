import type { Key } from '../../protocol/key.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import type { ValueEvent } from '../../protocol/wire.ts';
import { type Cache, type FanoutCache, Index } from '../engine/index.ts';
import { type KeyId, type ReadBudget, withReadBudget } from '../engine/internal.ts';

/** The stores whose changes carry values. */
export type ValueStore = Cache | FanoutCache | Index;

/** Maximum size of a value that is sent with its change. For a larger one the page gets `reset`, and reads it by itself. */
const MAX_VALUE_BYTES = 64 * 1024;
/** Maximum bytes of values, and reads of values, for one message: together about 3 ms. */
const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_READS = 256;

/** The event that a subscription with values gets for `set`; undefined if the item no longer exists: a later change reports that. */
type ReadChange = ValueEvent | undefined;

const RESET: ValueEvent = Object.freeze({ kind: 'reset' });

/**
 * Reads the values for one message to a page. Each is read once and shared by all changes and subscriptions, so that it is encoded once for the
 * message and decoded once in the page.
 */
export class ChangeValues {
  readonly #read = new Map<ValueStore, Map<KeyId, ReadChange>>();
  #bytes = 0;
  #reads = 0;

  /** Whether the message has no room for another value. The first one always fits. */
  get isFull(): boolean {
    return this.#reads >= MAX_READS || (this.#reads > 0 && this.#bytes > MAX_MESSAGE_BYTES - MAX_VALUE_BYTES);
  }

  /** Whether the value of a key was read for this message. */
  has(store: ValueStore, id: KeyId): boolean {
    return this.#read.get(store)?.has(id) === true;
  }

  /** Returns the change of an item to its present value. */
  get(store: ValueStore, id: KeyId, key: Key): ReadChange {
    const known = this.#read.get(store) ?? new Map<KeyId, ReadChange>();
    this.#read.set(store, known);
    if (known.has(id)) return known.get(id);
    const change = this.#readChange(store, key);
    known.set(id, change);
    return change;
  }

  /** Returns the present values of keys. Those that the message has no room for stay unknown to the page. */
  readKnown(store: ValueStore, keys: ReadonlyMap<KeyId, Key>): readonly ValueEvent[] {
    const known: ValueEvent[] = [];
    for (const [id, key] of keys) {
      if (this.isFull) break;
      const change = this.get(store, id, key);
      if (change !== undefined && 'value' in change) known.push({ ...change, kind: 'known' });
    }
    return known;
  }

  #readChange(store: ValueStore, key: Key): ReadChange {
    const budget: ReadBudget = { bytes: MAX_VALUE_BYTES, isUntouched: true };
    this.#reads++;
    try {
      const found = withReadBudget(budget, () => readLive(store, key));
      return found && { kind: 'set', key, value: found.value };
    } catch (error) {
      const data = toPageErrorData(error);
      return data.code === 'TOO_LARGE' ? RESET : { kind: 'set', key, error: data };
    } finally {
      this.#bytes += MAX_VALUE_BYTES - budget.bytes;
    }
  }
}

/** Reads without counting as a use. An index evicts nothing, so there a plain `get` will do. */
function readLive(store: ValueStore, key: Key): { readonly value: unknown } | undefined {
  if (!(store instanceof Index)) return store.getEntry(key);
  return store.has(key) ? { value: store.get(key) } : undefined;
}
