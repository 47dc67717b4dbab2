import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { getShardDirectory } from '../damage/damage-guard.ts';
import { type Cache, FanoutCache, type FanoutOptions } from '../engine/index.ts';
import { openAsItIs, type StoreOpener } from '../engine/store-opener.ts';

/** How long a window's shard is kept: across runs, or until the last window of its name is closed. */
export type Lifetime = 'persistent' | 'session';

/** A window's shard and its lifetime. */
export interface WindowStoreId {
  readonly name: string;
  readonly lifetime: Lifetime;
}

/** The shard shared by the windows of one name. */
export interface WindowStoreInfo extends WindowStoreId {
  /** Whether a window of this name is attached. */
  readonly isOpen: boolean;
  /** Bytes on disk. */
  readonly bytes: number;
}

/** Options of the windows' shards; `sizeLimit` applies to all of them together. */
export type WindowStoreOptions = Omit<FanoutOptions, 'shards'>;

/** One attached window's reference to its shard. */
export interface WindowStoreRef {
  /** @throws {DiskCacheError} `CLOSED` if the window is gone; anything that opening a cache throws. */
  open(): Cache;
  release(): void;
}

/** The lifetime is part of a shard's name on disk, so that it survives a crash. */
const SHARD_PREFIX: Readonly<Record<Lifetime, string>> = { persistent: 'forever-', session: 'open-' };
const LIFETIMES = Object.keys(SHARD_PREFIX) as readonly Lifetime[];

/** @throws {DiskCacheError} `BAD_OPTION` for an unknown lifetime. */
export function assertLifetime(lifetime: Lifetime): void {
  if (LIFETIMES.includes(lifetime)) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `lifetime is ${formatValue(lifetime, "'")}; it has to be ${LIFETIMES.join(' or ')}`,
  );
}

/**
 * The shards behind `diskCache.window`, one for each window name, all within one size limit. Opened on first use. Two windows with the same
 * name share a shard.
 */
export class WindowShards {
  readonly #directory: string;
  readonly #options: WindowStoreOptions;
  readonly #openStore: StoreOpener;
  /** Names of shards that were opened and not removed since. */
  readonly #opened = new Set<string>();
  /** Number of attached windows that hold each shard, by its name. */
  readonly #refCounts = new Map<string, number>();
  #fanout: FanoutCache | undefined;
  #isClosed = false;

  /** Deletes the session shards that a crashed run left behind, except those of windows that outlived it. */
  constructor(
    directory: string,
    options: WindowStoreOptions = {},
    attached: readonly WindowStoreId[] = [],
    openStore: StoreOpener = openAsItIs,
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#openStore = openStore;
    if (!existsSync(directory)) return;
    const fanout = this.#open();
    const open = new Set(attached.map(toShardName));
    for (const shard of fanout.names('shard')) {
      if (parseLifetime(shard) === 'session' && !open.has(shard)) this.#removeShard(fanout, shard);
    }
  }

  /** @throws {DiskCacheError} `BAD_OPTION` for an unknown lifetime. */
  attach(name: string, lifetime: Lifetime): WindowStoreRef {
    assertLifetime(lifetime);
    const shard = toShardName({ name, lifetime });
    this.#refCounts.set(shard, (this.#refCounts.get(shard) ?? 0) + 1);
    let isHeld = true;
    return {
      open: () => {
        if (isHeld) return this.#openShard(shard);
        throw new DiskCacheError('CLOSED', `The window "${name}" was closed`);
      },
      release: () => {
        if (isHeld) this.#release(shard);
        isHeld = false;
      },
    };
  }

  /**
   * Lists all shards by name. Opens each one to measure it: O(shards).
   *
   * @throws {DiskCacheError} `CLOSED` after `close`.
   */
  list(): WindowStoreInfo[] {
    this.#assertOpen();
    if (!existsSync(this.#directory)) return [];
    const fanout = this.#open();
    return fanout.names('shard').flatMap((shard) => {
      const lifetime = parseLifetime(shard);
      if (lifetime === undefined) return [];
      const name = shard.slice(SHARD_PREFIX[lifetime].length);
      return [{ name, lifetime, isOpen: this.#refCounts.has(shard), bytes: this.#openShard(shard).volume() }];
    });
  }

  /** Clears one window's shard, or all; an open window continues with an empty shard. */
  clear(name?: string): void {
    for (const { name: window, lifetime, isOpen } of this.list()) {
      if (name !== undefined && name !== window) continue;
      const shard = toShardName({ name: window, lifetime });
      if (isOpen) this.#openShard(shard).clear();
      else this.#removeShard(this.#open(), shard);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#fanout?.close();
    this.#fanout = undefined;
  }

  #release(shard: string): void {
    const remaining = (this.#refCounts.get(shard) ?? 1) - 1;
    if (remaining > 0) this.#refCounts.set(shard, remaining);
    else {
      this.#refCounts.delete(shard);
      if (parseLifetime(shard) === 'session' && this.#fanout) this.#removeShard(this.#fanout, shard);
    }
  }

  #open(): FanoutCache {
    this.#assertOpen();
    const { readOnly } = this.#options;
    const store = { name: basename(this.#directory), directory: this.#directory, kind: 'fanout', readOnly } as const;
    this.#fanout ??= this.#openStore(store, () => new FanoutCache(this.#directory, { ...this.#options, shards: 1 }));
    return this.#fanout;
  }

  #openShard(shard: string): Cache {
    const fanout = this.#open();
    if (this.#opened.has(shard)) return fanout.shard(shard);
    const directory = getShardDirectory(this.#directory, shard);
    const name = `${basename(this.#directory)}/shard/${basename(directory)}`;
    const opened = this.#openStore({ name, directory, kind: 'cache', readOnly: this.#options.readOnly }, () =>
      fanout.shard(shard),
    );
    this.#opened.add(shard);
    return opened;
  }

  #removeShard(fanout: FanoutCache, shard: string): void {
    this.#opened.delete(shard);
    fanout.remove('shard', shard);
  }

  #assertOpen(): void {
    if (this.#isClosed)
      throw new DiskCacheError(
        'CLOSED',
        `The stores of windows in ${this.#directory} were closed; open the host again`,
      );
  }
}

const toShardName = ({ name, lifetime }: WindowStoreId): string => SHARD_PREFIX[lifetime] + name;

const parseLifetime = (shard: string): Lifetime | undefined =>
  LIFETIMES.find((lifetime) => shard.startsWith(SHARD_PREFIX[lifetime]));
