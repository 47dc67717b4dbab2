import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { unrefTimer } from '../realm.ts';
import { BACKUPS_FOLDER, listBackups, parseStamp, toStamp } from './side-folders.ts';

/** A number of milliseconds, or a number and a unit: minutes, hours, days, weeks. */
type Interval = number | `${number}${'m' | 'h' | 'd' | 'w'}`;

/** Backups that a host makes by itself. */
export interface RotationOptions {
  /** How often, such as `'1d'`; at least a minute. */
  readonly every: Interval;
  /** How many are kept, from 1. Default 3. */
  readonly keep?: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const UNIT_MS: Readonly<Record<string, number>> = {
  m: MINUTE_MS,
  h: HOUR_MS,
  d: 24 * HOUR_MS,
  w: 7 * 24 * HOUR_MS,
};
const INTERVAL_PATTERN = /^(\d+(?:\.\d+)?)([mhdw])$/;
const DEFAULT_KEEP = 3;
/** After a failure the next attempt follows this soon, or when it would be due. */
const RETRY_MS = HOUR_MS;
/** Node's timers can't be longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Rotation {
  readonly everyMs: number;
  readonly keep: number;
}

/** @throws {DiskCacheError} `BAD_OPTION` */
export function parseRotation(options: RotationOptions): Rotation {
  const { every, keep = DEFAULT_KEEP, ...others } = Object(options) as RotationOptions;
  const [unknown] = Object.keys(others);
  const everyMs = toMilliseconds(every);
  if (unknown === undefined && everyMs >= MINUTE_MS && Number.isSafeInteger(keep) && keep >= 1)
    return { everyMs, keep };
  throw new DiskCacheError(
    'BAD_OPTION',
    `openDiskCache: backup is ${formatValue(options)}; give { every: '1d', keep: 3 }: an interval of at least '1m' in m, h, d or w, or in milliseconds, and how many backups are kept, from 1`,
  );
}

function toMilliseconds(interval: unknown): number {
  if (typeof interval === 'number') return interval;
  const [, count, unit] = INTERVAL_PATTERN.exec(String(interval)) ?? [];
  return unit === undefined ? Number.NaN : Number(count) * UNIT_MS[unit]!;
}

/**
 * Makes backups of a host's stores in its directory, below `_backups`, when they are due, and removes the oldest ones once a newer one is
 * complete and checked. What fails becomes a warning of the process, and is tried again.
 */
export class BackupRotation {
  readonly #directory: string;
  readonly #folder: string;
  readonly #rotation: Rotation;
  readonly #backUp: (path: string, signal: AbortSignal) => Promise<unknown>;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(directory: string, rotation: Rotation, backUp: (path: string, signal: AbortSignal) => Promise<unknown>) {
    this.#directory = directory;
    this.#folder = join(directory, BACKUPS_FOLDER);
    this.#rotation = rotation;
    this.#backUp = backUp;
    this.#schedule(this.#getDelayMs());
  }

  /** Ends it; a backup under way is given up. */
  close(): void {
    clearTimeout(this.#timer);
    this.#closing.abort(new DiskCacheError('CLOSED', 'The host was closed'));
  }

  #schedule(delayMs: number): void {
    if (this.#closing.signal.aborted) return;
    this.#timer = unrefTimer(setTimeout(() => void this.#run(), Math.min(delayMs, MAX_TIMER_MS)));
  }

  async #run(): Promise<void> {
    try {
      if (this.#getDelayMs() <= 0) {
        await this.#backUp(join(this.#folder, toStamp(Date.now())), this.#closing.signal);
        for (const name of listBackups(this.#directory).slice(this.#rotation.keep))
          await rm(join(this.#folder, name), { recursive: true, force: true });
      }
      this.#schedule(this.#getDelayMs());
    } catch (cause) {
      if (this.#closing.signal.aborted) return;
      process.emitWarning(`The stores could not be backed up to ${this.#folder}: ${String(cause)}`, 'DiskCacheWarning');
      this.#schedule(Math.min(RETRY_MS, this.#rotation.everyMs));
    }
  }

  /** Milliseconds until the next backup is due. One of the future was made before the clock was set back. */
  #getDelayMs(): number {
    const [newest] = listBackups(this.#directory);
    if (newest === undefined) return 0;
    const age = Date.now() - parseStamp(newest);
    return age < 0 ? 0 : Math.max(0, this.#rotation.everyMs - age);
  }
}
