import { DiskCacheError } from '../../protocol/error.ts';
import { MAX_HTTP_CALLS, MAX_OPEN_BODIES } from '../../protocol/http.ts';
import type { WriteUsage } from './grant.ts';

/** What is added leaks away with time: short bursts pass, what goes on does not (Turner, "New Directions in Communications", 1986). */
export class LeakyBucket {
  readonly #capacity: number;
  readonly #leakPerMs: number;
  #level = 0;
  #updatedAt = performance.now();

  constructor(capacity: number, leakPerSecond: number) {
    this.#capacity = capacity;
    this.#leakPerMs = leakPerSecond / 1000;
  }

  /** Returns whether it is still within the capacity. */
  add(amount: number): boolean {
    this.#level = this.level + amount;
    return this.#level <= this.#capacity;
  }

  /** What has not leaked away yet. */
  get level(): number {
    const now = performance.now();
    this.#level = Math.max(0, this.#level - (now - this.#updatedAt) * this.#leakPerMs);
    this.#updatedAt = now;
    return this.#level;
  }
}

const MIB = 2 ** 20;

/** Milliseconds for which other pages may have waited for a principal to drop what it keeps near. */
const MAX_LATE_MS = 500;
const LATE_MS_FORGIVEN_PER_SECOND = 10;

/** Messages that are no calls. A page that was taken over sends them by the thousand; ours sends none. */
const MAX_MALFORMED_MESSAGES = 30_000;
const MALFORMED_MESSAGES_FORGIVEN_PER_SECOND = 300;

/** Bytes of messages of which nothing was let in. */
const MAX_REFUSED_BYTES = 128 * MIB;
const REFUSED_BYTES_FORGIVEN_PER_SECOND = MIB;

/** Bytes of answers that were posted and not taken: two answers of 64 MiB, and the chunks of all streams of a session. */
const MAX_UNREAD_BYTES = 192 * MIB;

/** With more than this not taken, its calls are not begun: they wait until it has taken some, for this long. */
const MAX_UNREAD_BYTES_TO_START = 32 * MIB;
const MAX_UNREAD_MS = 10_000;

/** Streams of values that the sessions of a principal may have open together, and what these may hold in memory: one value, or more within this. */
const MAX_STREAMS = 128;
const MAX_RESERVED_BYTES = 64 * MIB;

/** What the sessions of a principal have open of one kind. */
export class Quota {
  readonly #max: number;
  readonly #what: string;
  #open = 0;

  constructor(max: number, what: string) {
    this.#max = max;
    this.#what = what;
  }

  get open(): number {
    return this.#open;
  }

  /** @throws {DiskCacheError} `BUSY` if there are too many. */
  acquire(): void {
    if (this.#open >= this.#max) {
      throw new DiskCacheError(
        'BUSY',
        `The pages of this origin have ${this.#max} ${this.#what} open in this window; end or cancel some of them`,
      );
    }
    this.#open++;
  }

  release(): void {
    this.#open--;
  }
}

/**
 * An origin in a window, as the bridge knows it: what all of its sessions have used together. Connecting again, or over several ports,
 * resets nothing.
 *
 * Invariant: what a principal holds in the main process is bounded, whatever number of connections it has.
 */
export class Principal {
  /** What its pages have written, of what their grants allow. */
  readonly usage: WriteUsage = { bytesWritten: 0 };
  readonly streams = new Quota(MAX_STREAMS, 'streams');
  readonly calls = new Quota(MAX_HTTP_CALLS, 'calls about HTTP');
  readonly bodies = new Quota(MAX_OPEN_BODIES, 'bodies');
  readonly #late = new LeakyBucket(MAX_LATE_MS, LATE_MS_FORGIVEN_PER_SECOND);
  readonly #malformed = new LeakyBucket(MAX_MALFORMED_MESSAGES, MALFORMED_MESSAGES_FORGIVEN_PER_SECOND);
  readonly #refused = new LeakyBucket(MAX_REFUSED_BYTES, REFUSED_BYTES_FORGIVEN_PER_SECOND);
  #unreadBytes = 0;
  /** When it has last taken an answer, or had taken all. */
  #lastReadAt = 0;
  #reservedBytes = 0;
  #mayUseNearCache = true;

  /** Whether it may keep values near: not from when others have waited too long for it until all of that is forgiven. */
  get mayUseNearCache(): boolean {
    this.#mayUseNearCache ||= this.#late.level === 0;
    return this.#mayUseNearCache;
  }

  /** Others have waited for it. */
  addLate(ms: number): void {
    if (!this.#late.add(ms)) this.#mayUseNearCache = false;
  }

  /** @throws {DiskCacheError} `DISCONNECTED` if it has sent too many messages that are no calls. */
  addMalformedMessage(): void {
    if (this.#malformed.add(1)) return;
    throw new DiskCacheError(
      'DISCONNECTED',
      `This page has sent more than ${MAX_MALFORMED_MESSAGES} messages that are no calls`,
    );
  }

  /** @throws {DiskCacheError} `DISCONNECTED` if too many bytes were sent in vain. */
  addRefused(bytes: number): void {
    if (this.#refused.add(bytes)) return;
    throw new DiskCacheError(
      'DISCONNECTED',
      `This page has sent more than ${MAX_REFUSED_BYTES} bytes in messages of which nothing was allowed`,
    );
  }

  /** @throws {DiskCacheError} `DISCONNECTED` if too many bytes of answers were not taken. */
  addUnread(bytes: number): void {
    if (this.#unreadBytes === 0) this.#lastReadAt = performance.now();
    this.#unreadBytes += bytes;
    if (this.#unreadBytes <= MAX_UNREAD_BYTES) return;
    throw new DiskCacheError(
      'DISCONNECTED',
      `This page has not taken its answers, which are more than ${MAX_UNREAD_BYTES} bytes by now`,
    );
  }

  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  markRead(bytes: number): void {
    this.#unreadBytes -= bytes;
    this.#lastReadAt = performance.now();
  }

  /**
   * Whether it has to take answers before another call of its is begun. So a page that takes none fills no memory by asking on.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if it has taken none for too long.
   */
  get isBehind(): boolean {
    if (this.#unreadBytes <= MAX_UNREAD_BYTES_TO_START) return false;
    if (performance.now() - this.#lastReadAt <= MAX_UNREAD_MS) return true;
    throw new DiskCacheError(
      'DISCONNECTED',
      `This page has not taken its answers for ${MAX_UNREAD_MS} ms, which are ${this.#unreadBytes} bytes by now`,
    );
  }

  /** @throws {DiskCacheError} `BUSY` if the values of its streams hold too much memory. */
  reserveMemory(bytes: number): void {
    if (this.#reservedBytes > 0 && this.#reservedBytes + bytes > MAX_RESERVED_BYTES) {
      throw new DiskCacheError(
        'BUSY',
        `The compressed values that this origin has open as streams are more than ${MAX_RESERVED_BYTES} bytes; end or cancel one of them`,
      );
    }
    this.#reservedBytes += bytes;
  }

  releaseMemory(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  /** Whether it has nothing open and nothing to be remembered for. */
  get isIdle(): boolean {
    const isRemembered = [this.#late, this.#malformed, this.#refused].some(({ level }) => level > 0);
    return (
      !isRemembered &&
      this.usage.bytesWritten === 0 &&
      this.#unreadBytes + this.#reservedBytes + this.streams.open + this.calls.open + this.bodies.open === 0
    );
  }
}

/** Beyond this number those are forgotten that have nothing to be remembered for. */
const MAX_PRINCIPALS = 256;

/** The principals of one window, by origin. */
export class Principals {
  readonly #byOrigin = new Map<string, Principal>();

  /** Returns the principal of an origin; without an origin, one of its own. */
  get(origin: string | undefined): Principal {
    if (origin === undefined) return new Principal();
    const known = this.#byOrigin.get(origin);
    if (known !== undefined) return known;
    if (this.#byOrigin.size >= MAX_PRINCIPALS) this.#removeIdle();
    const principal = new Principal();
    this.#byOrigin.set(origin, principal);
    return principal;
  }

  #removeIdle(): void {
    for (const [origin, principal] of this.#byOrigin) if (principal.isIdle) this.#byOrigin.delete(origin);
  }
}
