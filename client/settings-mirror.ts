import { dequal } from 'dequal';
import { DiskCacheError } from '../protocol/error.ts';
import { deepFreeze } from '../protocol/freeze.ts';
import { isPlainObject } from '../protocol/native-types.ts';
import { getMember, parseSettingsPath } from '../protocol/settings-path.ts';
import type { Client } from './client.ts';
import { rethrowLater } from './on-demand.ts';

export type SettingsListener = (now: unknown, before: unknown) => void;

interface Registration {
  /** Empty: all settings. */
  readonly path: readonly string[];
  readonly listener: SettingsListener;
  readonly onError: (error: unknown) => void;
}

/** Opens a mirror for a caller that holds the store: other calls on it wait. A failure is that of the next `load`. */
export async function openMirror(client: Client, store: string): Promise<SettingsMirror> {
  const mirror = new SettingsMirror(client, store);
  await mirror.open();
  return mirror;
}

/**
 * The settings as a page knows them. It first subscribes and then reads; each change makes it read again, so that only the fact of a change
 * is sent to pages that don't need the values.
 *
 * Invariant: until it has ended, the last change of the store is followed by a read; when it ends, each listener's `onError` is called.
 */
export class SettingsMirror {
  readonly #client: Client;
  readonly #store: string;
  readonly #registrations = new Set<Registration>();
  #unsubscribe: (() => void) | undefined;
  #now: unknown;
  #isReading = false;
  /** There was a change since the read was sent. */
  #isStale = false;

  constructor(client: Client, store: string) {
    this.#client = client;
    this.#store = store;
  }

  /** The settings, frozen; undefined while the mirror isn't open. */
  get now(): unknown {
    return this.#now;
  }

  /** See `openMirror`. */
  async open(): Promise<void> {
    this.#subscribe();
    await this.#client.callNow(this.#store, 'all', []).then(
      (all) => this.#update(all),
      (error: unknown) => this.#end(error),
    );
  }

  /** Resolves with `now` as the main process has it; opens the mirror again if it has ended. */
  async load(): Promise<void> {
    this.#subscribe();
    try {
      this.#update(await this.#client.call(this.#store, 'all', [], 'read'));
    } catch (error) {
      this.#end(error);
      throw error;
    }
  }

  /** Settles as the write does, when `now` has it: by a read in the same turn. If the read fails, `now` follows with the change. */
  async follow<T>(write: Promise<T>): Promise<T> {
    const read = this.#client.call(this.#store, 'all', [], 'read').then(
      (all) => this.#update(all),
      () => {},
    );
    const [result] = await Promise.all([write, read]);
    return result;
  }

  /** Calls `listener` when the setting at `path` changes, or any setting without a path. Returns an unsubscribe function. */
  listen(path: unknown, listener: SettingsListener, onError: (error: unknown) => void): () => void {
    try {
      const registration = { path: path === undefined ? [] : parseSettingsPath(path), listener, onError };
      this.#registrations.add(registration);
      // After an end it is opened again; a failure is the listener's.
      if (this.#now === undefined) this.load().catch(() => {});
      return () => void this.#registrations.delete(registration);
    } catch (error) {
      onError(error);
      return () => {};
    }
  }

  #subscribe(): void {
    this.#unsubscribe ??= this.#client.updates.subscribe(this.#store, () => this.#refresh(), {
      onError: (error) => this.#end(error),
    });
  }

  /** Takes the result of a read. Results arrive in the order in which the reads were sent. */
  #update(all: unknown): void {
    const before = this.#now;
    if (this.#unsubscribe === undefined || (before !== undefined && isEqual(all, before, new Map()))) return;
    this.#now = deepFreeze(all);
    if (before === undefined) return;
    for (const registration of [...this.#registrations]) {
      const [now, then] = [all, before].map((settings) => registration.path.reduce(getMember, settings));
      // An earlier listener may have removed this one.
      if (!this.#registrations.has(registration) || isEqual(now, then, new Map())) continue;
      try {
        registration.listener(now, then);
      } catch (error) {
        rethrowLater(error);
      }
    }
  }

  #refresh(): void {
    this.#isStale = true;
    if (!this.#isReading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      while (this.#isStale) {
        this.#isStale = false;
        this.#update(await this.#client.call(this.#store, 'all', [], 'read'));
      }
    } catch (error) {
      this.#isStale = false;
      // The next connection reports a reset, or that there will be none.
      if (!(error instanceof DiskCacheError && error.code === 'DISCONNECTED')) this.#end(error);
    }
    this.#isReading = false;
  }

  /** `now` is unknown from here on; a later `load` opens the mirror again. */
  #end(reason: unknown): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#now = undefined;
    const ended = [...this.#registrations];
    this.#registrations.clear();
    for (const { onError } of ended) onError(reason);
  }
}

/**
 * Deep equality. Plain objects and arrays that were compared once are taken for equal (`compared`), so that it takes time proportional to
 * their size, however often and in which circles a value refers to itself.
 */
function isEqual(one: unknown, other: unknown, compared: Map<unknown, unknown>): boolean {
  if (!isContainer(one) || !isContainer(other)) return isEqualLeaf(one, other);
  if (compared.get(one) === other) return true;
  compared.set(one, other);
  const names = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    (!Array.isArray(one) || one.length === (other as readonly unknown[]).length) &&
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isEqual(one[name as never], other[name as never], compared))
  );
}

const isContainer = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && (Array.isArray(value) || isPlainObject(value));

function isEqualLeaf(one: unknown, other: unknown): boolean {
  try {
    return dequal(one, other);
  } catch {
    // A map or a set that contains itself overflows the stack; it counts as changed.
    return false;
  }
}
