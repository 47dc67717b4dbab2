import { type ErrorData, fromErrorData } from '../protocol/error.ts';
import { deepFreeze } from '../protocol/freeze.ts';
import type { Key } from '../protocol/key.ts';
import { toKeyId } from '../protocol/key-id.ts';
import type { Change, SubscribeOptions } from '../protocol/options.ts';
import type { ChangeOrReset, StoreEvent } from '../protocol/wire.ts';

/** A change that carries a value, or the error of reading it, as it was sent. */
type SentChange = ChangeOrReset & { readonly key: Key; readonly error?: ErrorData };

/** Converts the changes that main sends to a subscription with values into those that its listener receives. */
export class SubscriptionValues {
  /** For a subscription to exact keys: the last known value of each. An entry without `value` is a key that is known to be missing. */
  readonly #known: Map<string | number, { readonly value?: unknown }> | undefined;
  readonly #isOneKey: boolean;

  constructor({ key, keys }: SubscribeOptions) {
    this.#isOneKey = key !== undefined;
    this.#known = key === undefined && keys === undefined ? undefined : new Map();
  }

  /** Returns the change for the listener; undefined if it is not to be called. */
  receive(event: StoreEvent): StoreEvent | undefined {
    const change = event as SentChange;
    if (event.kind === 'known') this.#learn(change.key, change.value);
    else if (event.kind === 'reset' || event.kind === 'clear') return this.#receiveForAll(event as ChangeOrReset);
    else return this.#addBefore(toChange(change));
    return undefined;
  }

  /** Forgets the known values, which may be out of date after missed changes. */
  reset(): void {
    this.#known?.clear();
  }

  /** Takes a value that was read when the subscription began, unless a newer one came with a change. */
  #learn(key: Key, value: unknown): void {
    const id = toKeyId(key);
    if (!this.#known?.has(id)) this.#known?.set(id, { value: deepFreeze(value) });
  }

  #receiveForAll(change: ChangeOrReset): ChangeOrReset {
    const known = this.#isOneKey && change.kind === 'clear' ? [...this.#known!.values()][0] : undefined;
    this.reset();
    return known !== undefined && 'value' in known ? ({ ...change, before: known.value } as Change) : change;
  }

  #addBefore(change: ChangeOrReset & { readonly key: Key }): ChangeOrReset {
    if (this.#known === undefined) return change;
    const id = toKeyId(change.key);
    const known = this.#known.get(id);
    this.#known.set(id, 'value' in change ? { value: change.value } : {});
    return known !== undefined && 'value' in known ? { ...change, before: known.value } : change;
  }
}

/** Converts error data to an error. Freezes the value, because all subscriptions of the page share it. */
function toChange(change: SentChange): ChangeOrReset & { readonly key: Key } {
  if (change.error !== undefined) return { ...change, error: fromErrorData(change.error) };
  deepFreeze(change.value);
  return change;
}
