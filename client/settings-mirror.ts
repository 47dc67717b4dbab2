import { dequal } from 'dequal';
import { truncate } from '../protocol/describe-value.ts';
import { DiskCacheError } from '../protocol/error.ts';
import { deepFreeze } from '../protocol/freeze.ts';
import { isPlainObject } from '../protocol/native-types.ts';
import { getMember, parseSettingsPath } from '../protocol/settings-path.ts';
import type { Client } from './client.ts';
import { rethrowLater } from './on-demand.ts';

export type SettingsListener = (now: unknown, before: unknown) => void;

/** A listener of a setting, or of all settings. */
export interface SettingsRegistration {
  readonly path: unknown;
  readonly listener: SettingsListener;
  /** Options other than `onError`. There are none, so they are refused. */
  readonly range: object;
  readonly onError: (error: unknown) => void;
}

/** What a page knows of settings. A store of the page has it before the mirror is loaded. */
export interface SettingsState {
  /** The settings, frozen; undefined while they are not followed. */
  now?: unknown;
  /** The last settings that came from the preload script instead of a read of the mirror. */
  ready?: unknown;
  readonly listeners: Set<SettingsRegistration>;
}

/** Opens a mirror for a caller that holds the store, so that other calls on it wait. If it fails, the next `load` reports it. */
export async function openMirror(client: Client, store: string, state: SettingsState): Promise<SettingsMirror> {
  const mirror = new SettingsMirror(client, store, state);
  await mirror.open();
  return mirror;
}

/**
 * Keeps a page's copy of the settings up to date. It first subscribes and then reads. After each change it reads again: the main process
 * sends values only to pages that ask for them.
 *
 * Invariant: until it has ended, the last change of the store is followed by a read; when it ends, each listener's `onError` is called.
 */
export class SettingsMirror {
  readonly #client: Client;
  readonly #store: string;
  readonly #state: SettingsState;
  #unsubscribe: (() => void) | undefined;
  #isReading = false;
  /** Whether something has changed since the read was sent. */
  #isStale = false;

  constructor(client: Client, store: string, state: SettingsState) {
    this.#client = client;
    this.#store = store;
    this.#state = state;
  }

  /** See `openMirror`. */
  async open(): Promise<void> {
    this.#subscribe();
    try {
      await this.#fetch(() => this.#client.callNow(this.#store, 'all', []));
    } catch (error) {
      this.#end(error);
    }
  }

  /** Updates `now` to what the main process has. Opens the mirror again if it has ended. */
  async load(): Promise<void> {
    this.#subscribe();
    try {
      await this.#fetch();
    } catch (error) {
      this.#end(error);
      throw error;
    }
  }

  /** Settles as the write does, once `now` contains it: reads in the same turn. If that read fails, the change itself updates `now`. */
  async follow<T>(write: Promise<T>): Promise<T> {
    const read = this.#fetch().catch(() => {});
    const [result] = await Promise.all([write, read]);
    return result;
  }

  /** Starts a listener once the mirror is open. An invalid path and unknown options are reported to its `onError`. */
  start(registration: SettingsRegistration): void {
    // It may have been removed while the mirror was opened.
    if (!this.#state.listeners.has(registration)) return;
    try {
      assertValid(registration);
      // The mirror may have ended: opens it again. A failure is reported to every listener.
      if (this.#state.now === undefined) this.load().catch(() => {});
    } catch (error) {
      this.#state.listeners.delete(registration);
      registration.onError(error);
    }
  }

  #subscribe(): void {
    this.#unsubscribe ??= this.#client.updates.subscribe(this.#store, () => this.#refresh(), {
      onError: (error) => this.#end(error),
    });
  }

  /** Reads all settings. Reads again if newer ones came from the preload script during the read. */
  async #fetch(read = () => this.#client.call(this.#store, 'all', [], 'read')): Promise<void> {
    let all: unknown;
    let known: unknown;
    do {
      known = this.#state.ready;
      all = await read();
    } while (known !== this.#state.ready);
    this.#update(all);
  }

  /** Takes the result of a read. Results arrive in the order in which the reads were sent. */
  #update(all: unknown): void {
    const before = this.#state.now;
    if (this.#unsubscribe === undefined || (before !== undefined && isEqual(all, before, new Map()))) return;
    this.#state.now = deepFreeze(all);
    if (before === undefined) return;
    for (const registration of [...this.#state.listeners]) {
      // An earlier listener may have removed this one.
      if (this.#state.listeners.has(registration)) notify(registration, all, before);
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
        await this.#fetch();
      }
    } catch (error) {
      this.#isStale = false;
      // The subscription reports a reset after it has reconnected, or an error if it can't.
      if (!(error instanceof DiskCacheError && error.code === 'DISCONNECTED')) this.#end(error);
    }
    this.#isReading = false;
  }

  /** Stops following: `now` is unknown until `load` opens the mirror again. */
  #end(reason: unknown): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#state.now = undefined;
    const ended = [...this.#state.listeners];
    this.#state.listeners.clear();
    for (const { onError } of ended) onError(reason);
  }
}

/** Returns the segments of a path; none for all settings. Throws `BAD_KEY`. */
const toSegments = (path: unknown): readonly string[] => (path === undefined ? [] : parseSettingsPath(path));

/** @throws {DiskCacheError} `BAD_KEY`, `BAD_OPTION` */
function assertValid({ path, range }: SettingsRegistration): void {
  toSegments(path);
  const [unknown] = Object.keys(range);
  if (unknown !== undefined)
    throw new DiskCacheError('BAD_OPTION', `unknown option "${truncate(unknown)}"; valid options: onError`);
}

function notify(registration: SettingsRegistration, all: unknown, allBefore: unknown): void {
  const { path, listener } = registration;
  try {
    assertValid(registration);
  } catch {
    // `start` reports it in a moment.
    return;
  }
  const segments = toSegments(path);
  const [now, before] = [all, allBefore].map((settings) => segments.reduce(getMember, settings));
  if (isEqual(now, before, new Map())) return;
  try {
    listener(now, before);
  } catch (error) {
    rethrowLater(error);
  }
}

/**
 * Deep equality. Containers that were compared once are assumed equal (`compared`), so that cycles end and shared parts are compared once.
 * Unlike `isEqual` of the engine it runs in a page, without `node:util`.
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
