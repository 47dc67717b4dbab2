import { deepFreeze } from '../../../protocol/freeze.ts';
import { getMember } from '../../../protocol/settings-path.ts';
import { clearWarning, warn, wrapListener } from '../validate.ts';
import { isEqual } from '../values/equality.ts';
import type { Members } from './stored-member.ts';

/** A top-level member of the settings has another value, or no value any more. */
export type SettingsChange =
  | { readonly kind: 'set'; readonly key: string; readonly value: unknown }
  | { readonly kind: 'delete'; readonly key: string };

/** What the listeners follow. The values are copies. */
interface FollowedSettings {
  subscribe(onChange: () => void): () => void;
  readAll(): Members;
  /** Reads the settings that can be read; the others have their values of `known`. */
  readReadable(known: Members): Members;
}

type Listener = (now: Members, before: Members) => void;

/** The listeners of settings. All of them share one subscription, and one read after each change. */
export class SettingsListeners {
  readonly #settings: FollowedSettings;
  readonly #listeners = new Set<Listener>();
  #unsubscribe: (() => void) | undefined;
  /** The settings that the listeners were given last. */
  #known: Members = {};

  constructor(settings: FollowedSettings) {
    this.#settings = settings;
  }

  /** Calls `listener` when any setting has changed. Returns an unsubscribe function. */
  add(listener: (now: Members, before: Members) => unknown): () => void {
    const wrapped = wrapListener(listener, 'settings');
    if (this.#unsubscribe === undefined) this.#follow();
    this.#listeners.add(wrapped);
    return () => {
      if (!this.#listeners.delete(wrapped) || this.#listeners.size > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    };
  }

  /** Called after the settings were closed, which has ended the subscription. */
  clear(): void {
    this.#unsubscribe = undefined;
    this.#listeners.clear();
  }

  #follow(): void {
    // Subscribes first, so that no change between the read and the subscription is missed.
    const unsubscribe = this.#settings.subscribe(() => this.#notify());
    try {
      this.#known = deepFreeze(this.#settings.readAll());
    } catch (error) {
      unsubscribe();
      throw error;
    }
    this.#unsubscribe = unsubscribe;
  }

  /** Compares all settings with those known. The first change of a transaction reports them all, because all are committed by then. */
  #notify(): void {
    const before = this.#known;
    const now = deepFreeze(this.#readAll());
    if (isEqual(now, before)) return;
    this.#known = now;
    for (const listener of [...this.#listeners]) {
      // An earlier listener may have removed this one.
      if (this.#listeners.has(listener)) listener(now, before);
    }
  }

  /** A setting that can't be read keeps the value that listeners know, so that they still receive the changes of all others. */
  #readAll(): Members {
    try {
      const all = this.#settings.readAll();
      clearWarning(this);
      return all;
    } catch (error) {
      warn(error, this, 'Reading the changed settings');
      return this.#settings.readReadable(this.#known);
    }
  }
}

/** Yields the top-level members that have changed. */
export function* compareMembers(now: Members, before: Members): Generator<SettingsChange> {
  for (const key of new Set([...Object.keys(now), ...Object.keys(before)])) {
    const value = getMember(now, key);
    if (isEqual(value, getMember(before, key))) continue;
    yield value === undefined ? { kind: 'delete', key } : { kind: 'set', key, value };
  }
}
