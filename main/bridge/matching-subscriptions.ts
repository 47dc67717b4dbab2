import type { Key } from '../../protocol/key.ts';
import type { ChangesMessage, StoreEvent } from '../../protocol/wire.ts';
import { encodeKey, type KeyColumn, type KeyFilter, type KeyId, toColumnId } from '../engine/internal.ts';
import type { ChangeValues, ValueStore } from './change-values.ts';
import type { BridgeStore } from './handlers.ts';

type SubscriptionChanges = ChangesMessage['changes'][number];

const RESET: readonly StoreEvent[] = Object.freeze([Object.freeze({ kind: 'reset' })]);

/** The subscriptions to the same keys, either all with values or all without. */
interface SubscriptionGroup {
  /** Undefined matches every key. */
  readonly filter: KeyFilter | undefined;
  readonly hasValues: boolean;
  /** By the subscription's number in the page: how many of the pending changes are older than the subscription. */
  readonly skippedBySubscription: Map<number, number>;
}

/** A pending change that has a key. */
interface KeyedEvent {
  readonly column: KeyColumn;
  readonly id: KeyId;
}

/**
 * Finds the changes of one store for each subscription of a page. Subscriptions to exact keys are looked up by the key of the change, so the
 * cost doesn't depend on their number.
 */
export class MatchingStore {
  readonly #store: BridgeStore;
  readonly #groups = new Map<string, SubscriptionGroup>();
  readonly #groupsByKey = new Map<KeyId, Set<SubscriptionGroup>>();
  /** The number of groups with a range. */
  ranges = 0;

  constructor(store: BridgeStore) {
    this.#store = store;
  }

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  /** Adds a subscription that is newer than the first `skipped` pending changes. Returns a function that removes it. */
  add(id: number, filter: KeyFilter | undefined, hasValues: boolean, skipped: number): () => void {
    const name = `${hasValues ? 'v' : ''} ${filter?.id ?? ''}`;
    const group = this.#groups.get(name) ?? this.#addGroup(name, filter, hasValues);
    group.skippedBySubscription.set(id, skipped);
    return () => {
      group.skippedBySubscription.delete(id);
      if (group.skippedBySubscription.size === 0) this.#removeGroup(name, group);
    };
  }

  /** Adds `reset` for every subscription. */
  reset(changes: SubscriptionChanges[]): void {
    for (const { skippedBySubscription } of this.#groups.values())
      for (const id of skippedBySubscription.keys()) {
        changes.push([id, RESET]);
        skippedBySubscription.set(id, 0);
      }
  }

  /**
   * Adds the matching changes of `pending` for each subscription. Returns how many of `pending` were handled: fewer than all if the message has
   * no room for more values.
   */
  match(pending: readonly StoreEvent[], values: ChangeValues, changes: SubscriptionChanges[]): number {
    const keyed = this.ranges > 0 || this.#groupsByKey.size > 0 || this.#hasValues() ? pending.map(toKeyed) : [];
    const placesByGroup = this.#findPlaces(pending, keyed);
    const valueEvents = this.#readValues(pending, keyed, placesByGroup, values);
    const sent = valueEvents.length;
    for (const [group, places] of placesByGroup) {
      const events = group.hasValues ? valueEvents : pending;
      const visible = places.filter((place) => place < sent && events[place] !== undefined);
      const all = visible.map((place) => events[place]!);
      for (const [id, first] of group.skippedBySubscription) {
        const before = first === 0 ? 0 : visible.filter((place) => place < first).length;
        if (before < all.length) changes.push([id, before === 0 ? all : all.slice(before)]);
      }
    }
    for (const { skippedBySubscription } of this.#groups.values())
      for (const [id, first] of skippedBySubscription)
        if (first > 0) skippedBySubscription.set(id, Math.max(0, first - sent));
    return sent;
  }

  #hasValues(): boolean {
    return [...this.#groups.values()].some(({ hasValues }) => hasValues);
  }

  #addGroup(name: string, filter: KeyFilter | undefined, hasValues: boolean): SubscriptionGroup {
    const group: SubscriptionGroup = { filter, hasValues, skippedBySubscription: new Map() };
    this.#groups.set(name, group);
    if (filter !== undefined && filter.exactKeys === undefined) this.ranges++;
    for (const key of filter?.exactKeys?.keys() ?? []) {
      const known = this.#groupsByKey.get(key);
      if (known === undefined) this.#groupsByKey.set(key, new Set([group]));
      else known.add(group);
    }
    return group;
  }

  #removeGroup(name: string, group: SubscriptionGroup): void {
    if (this.#groups.get(name) !== group) return;
    this.#groups.delete(name);
    if (group.filter !== undefined && group.filter.exactKeys === undefined) this.ranges--;
    for (const key of group.filter?.exactKeys?.keys() ?? []) {
      const known = this.#groupsByKey.get(key)!;
      known.delete(group);
      if (known.size === 0) this.#groupsByKey.delete(key);
    }
  }

  /** Returns the places of the changes that concern each group. A change without a key, such as `clear`, concerns all. */
  #findPlaces(
    pending: readonly StoreEvent[],
    keyed: readonly (KeyedEvent | undefined)[],
  ): Map<SubscriptionGroup, number[]> {
    const found = new Map<SubscriptionGroup, number[]>();
    const scanned = [...this.#groups.values()].filter(({ filter }) => filter?.exactKeys === undefined);
    for (const group of scanned) {
      const { filter } = group;
      const matches = (place: number) => filter === undefined || !keyed[place] || filter.has(keyed[place].column);
      found.set(group, [...pending.keys()].filter(matches));
    }
    if (scanned.length === this.#groups.size) return found;
    for (const place of pending.keys()) {
      const event = keyed[place];
      const groups = event === undefined ? this.#groups.values() : (this.#groupsByKey.get(event.id) ?? []);
      for (const group of groups) {
        if (group.filter?.exactKeys === undefined) continue;
        const places = found.get(group);
        if (places === undefined) found.set(group, [place]);
        else places.push(place);
      }
    }
    return found;
  }

  /** Returns the changes for subscriptions with values, up to the first one that the message has no room for. */
  #readValues(
    pending: readonly StoreEvent[],
    keyed: readonly (KeyedEvent | undefined)[],
    placesByGroup: ReadonlyMap<SubscriptionGroup, readonly number[]>,
    values: ChangeValues,
  ): readonly (StoreEvent | undefined)[] {
    const wanted = new Set<number>();
    for (const [{ hasValues }, places] of placesByGroup) if (hasValues) for (const place of places) wanted.add(place);
    if (wanted.size === 0) return pending;
    const store = this.#store as ValueStore;
    const events: (StoreEvent | undefined)[] = [];
    for (const [place, event] of pending.entries()) {
      const id = keyed[place]?.id;
      if (event.kind !== 'set' || id === undefined || !wanted.has(place)) events.push(event);
      else if (!values.has(store, id) && values.isFull) break;
      else events.push(values.get(store, id, event.key as Key));
    }
    return events;
  }
}

function toKeyed(event: StoreEvent): KeyedEvent | undefined {
  const { key } = event as { readonly key?: Key };
  if (key === undefined) return undefined;
  const column = encodeKey(key);
  return { column, id: toColumnId(column) };
}
