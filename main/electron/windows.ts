import { existsSync } from 'node:fs';
import { DiskCacheError } from '../../protocol/error.ts';
import { shownValue } from '../../protocol/fault.ts';
import { type Cache, FanoutCache, type FanoutOptions } from '../engine/index.ts';

/** How long a window's shard is kept: from run to run, or until the last window of its name is closed. */
export type Keep = 'forever' | 'while-open';

/** What is kept for a window, and how long. */
export interface KeptWindow {
  readonly name: string;
  readonly keep: Keep;
}

/** What is kept for the windows of one name. */
export interface WindowShard extends KeptWindow {
  /** Whether a window of this name is attached. */
  readonly isOpen: boolean;
  /** Bytes on disk. */
  readonly bytes: number;
}

/** The shards of all windows live within these; `sizeLimit` is that of all together. */
export type WindowOptions = Omit<FanoutOptions, 'shards'>;

/** One attached window's hold on its shard. */
export interface Hold {
  /** @throws {DiskCacheError} `CLOSED` when the window has gone; what opening a cache throws. */
  shard(): Cache;
  release(): void;
}

/** What is on disk under a shard's name says how long it is kept, so that a crash can't forget it. */
const PREFIX: Readonly<Record<Keep, string>> = { forever: 'forever-', 'while-open': 'open-' };
const KEEPS = Object.keys(PREFIX) as readonly Keep[];

/** @throws {DiskCacheError} `BAD_OPTION` for another `keep` than there is. */
export function demandKeep(keep: Keep): void {
  if (KEEPS.includes(keep)) return;
  throw new DiskCacheError('BAD_OPTION', `keep is ${shownValue(keep, "'")}; it has to be ${KEEPS.join(' or ')}`);
}

/**
 * What pages have as `diskCache.window`: a shard for each name of a window, all within one limit. Opened by the first that needs
 * it. Two windows of one name share a shard.
 */
export class Windows {
  readonly #directory: string;
  readonly #options: WindowOptions;
  /** How many attached windows hold a shard, by its name. */
  readonly #holds = new Map<string, number>();
  #fanout: FanoutCache | undefined;
  #isClosed = false;

  /**
   * Deletes what a run that ended in a crash has left of windows that are kept while they are open, but for those that
   * have outlived it.
   */
  constructor(directory: string, options: WindowOptions = {}, attached: readonly KeptWindow[] = []) {
    this.#directory = directory;
    this.#options = options;
    if (!existsSync(directory)) return;
    const fanout = this.#open();
    const stays = new Set(attached.map(shardOf));
    for (const shard of fanout.names('shard')) {
      if (keepOf(shard) === 'while-open' && !stays.has(shard)) fanout.remove('shard', shard);
    }
  }

  /** @throws {DiskCacheError} `BAD_OPTION` for another `keep` than there is. */
  attach(name: string, keep: Keep): Hold {
    demandKeep(keep);
    const shard = shardOf({ name, keep });
    this.#holds.set(shard, (this.#holds.get(shard) ?? 0) + 1);
    let held = true;
    return {
      shard: () => {
        if (held) return this.#open().shard(shard);
        throw new DiskCacheError('CLOSED', `The window "${name}" was closed`);
      },
      release: () => {
        if (held) this.#release(shard);
        held = false;
      },
    };
  }

  /**
   * Everything that is kept, by name. Opens each shard to measure it: O(shards).
   *
   * @throws {DiskCacheError} `CLOSED` after `close`.
   */
  list(): WindowShard[] {
    this.#demandOpen();
    if (!existsSync(this.#directory)) return [];
    const fanout = this.#open();
    return fanout.names('shard').flatMap((shard) => {
      const keep = keepOf(shard);
      if (keep === undefined) return [];
      const name = shard.slice(PREFIX[keep].length);
      return [{ name, keep, isOpen: this.#holds.has(shard), bytes: fanout.shard(shard).volume() }];
    });
  }

  /** Deletes what is kept for a window, or for all; a window that is open goes on with an empty shard. */
  clear(name?: string): void {
    for (const { name: kept, keep, isOpen } of this.list()) {
      if (name !== undefined && name !== kept) continue;
      const shard = shardOf({ name: kept, keep });
      if (isOpen) this.#open().shard(shard).clear();
      else this.#open().remove('shard', shard);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#fanout?.close();
    this.#fanout = undefined;
  }

  #release(shard: string): void {
    const left = (this.#holds.get(shard) ?? 1) - 1;
    if (left > 0) this.#holds.set(shard, left);
    else {
      this.#holds.delete(shard);
      if (keepOf(shard) === 'while-open') this.#fanout?.remove('shard', shard);
    }
  }

  #open(): FanoutCache {
    this.#demandOpen();
    this.#fanout ??= new FanoutCache(this.#directory, { ...this.#options, shards: 1 });
    return this.#fanout;
  }

  #demandOpen(): void {
    if (this.#isClosed) throw new DiskCacheError('CLOSED', `What windows keep in ${this.#directory} was closed`);
  }
}

const shardOf = ({ name, keep }: KeptWindow): string => PREFIX[keep] + name;

const keepOf = (shard: string): Keep | undefined => KEEPS.find((keep) => shard.startsWith(PREFIX[keep]));
