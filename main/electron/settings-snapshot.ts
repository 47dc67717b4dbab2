import { serialize } from 'node:v8';
import { truncate } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { DEFAULT_STORE, type StoreDeclarations } from '../../protocol/stores.ts';
import { Settings } from '../engine/index.ts';

/** Maximum number of encoded bytes of all settings that one document gets by `ready`. */
export const MAX_READY_BYTES = 256 * 1024;

/** The settings of one store at one moment. */
export interface SettingsSnapshot {
  /** Size of the encoded value. */
  readonly bytes: number;
  /** Undefined if it has more than `MAX_READY_BYTES`. */
  readonly value: unknown;
}

/** Settings that were too large. Reading them takes long, so their size is remembered for ten times as long as that took. */
const tooLarge = new WeakMap<object, { readonly bytes: number; readonly until: number }>();

/**
 * Reads all settings of a store for a page. O(size of the settings).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for another kind of store; what reading throws.
 */
export function readSnapshot(name: string, store: unknown): SettingsSnapshot {
  if (!(store instanceof Settings)) throw notSettings(name);
  const startedAt = performance.now();
  const known = tooLarge.get(store);
  if (known !== undefined && startedAt < known.until) return { bytes: known.bytes, value: undefined };
  const value: unknown = store.all();
  const bytes = serialize(value).byteLength;
  if (bytes <= MAX_READY_BYTES) return { bytes, value };
  const now = performance.now();
  tooLarge.set(store, { bytes, until: now + 10 * (now - startedAt) });
  return { bytes, value: undefined };
}

/**
 * Checks the option `ready` of a method of the host.
 *
 * @throws {DiskCacheError} `NO_SUCH_STORE` for one that isn't declared; `BAD_OPTION` for another kind of store.
 */
export function assertReadyStores(method: string, ready: readonly string[], declared: StoreDeclarations): void {
  const kinds: Readonly<Record<string, { readonly kind: string }>> = {
    [DEFAULT_STORE]: { kind: 'cache' },
    ...declared,
  };
  for (const name of ready) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name]!.kind : undefined;
    if (kind === undefined)
      throw new DiskCacheError(
        'NO_SUCH_STORE',
        `${method}: ready names "${truncate(name)}", which was not declared; add it to defineStores({ … })`,
      );
    if (kind !== 'settings')
      throw new DiskCacheError(
        'BAD_OPTION',
        `${method}: ready names "${name}", a store of the kind ${kind}; a page can read only settings without a call, by \`now\``,
      );
  }
}

const notSettings = (name: string) =>
  new DiskCacheError(
    'BAD_OPTION',
    `Store "${truncate(name)}" has no settings; \`ready\` takes stores of the kind settings`,
  );
