import { DiskCacheError } from '../../protocol/error.ts';
import { MAX_HTTP_CALLS, MAX_OPEN_BODIES } from '../../protocol/http.ts';
import type { WriteUsage } from './grant.ts';

/**
 * A leaky bucket: its level drains with time, so short bursts pass and sustained load does not (Turner, "New Directions in Communications",
 * 1986).
 */
class LeakyBucket {
  readonly #capacity: number;
  readonly #leakPerMs: number;
  #level = 0;
  #updatedAt = performance.now();

  constructor(capacity: number, leakPerSecond: number) {
    this.#capacity = capacity;
    this.#leakPerMs = leakPerSecond / 1000;
  }

  /** Adds to the level; returns whether it is still within the capacity. */
  add(amount: number): boolean {
    this.#level = this.level + amount;
    return this.#level <= this.#capacity;
  }

  /** The current level. */
  get level(): number {
    const now = performance.now();
    this.#level = Math.max(0, this.#level - (now - this.#updatedAt) * this.#leakPerMs);
    this.#updatedAt = now;
    return this.#level;
  }
}

const MIB = 2 ** 20;

/** Milliseconds for which other pages may have waited for a principal to drop items of its near cache. */
const MAX_LATE_MS = 500;
const LATE_MS_FORGIVEN_PER_SECOND = 10;

/** Messages that are not calls. A compromised page sends them by the thousand; our client sends none. */
const MAX_MALFORMED_MESSAGES = 30_000;
const MALFORMED_MESSAGES_FORGIVEN_PER_SECOND = 300;

/** Bytes of messages in which every operation was refused. */
const MAX_REFUSED_BYTES = 128 * MIB;
const REFUSED_BYTES_FORGIVEN_PER_SECOND = MIB;

/** Bytes of responses that were posted and not received: two responses of 64 MiB, and the chunks of all streams of a session. */
const MAX_UNREAD_BYTES = 192 * MIB;

/**
 * While more bytes than this are unreceived, the principal's calls are not started; they wait until it has received some, for at most this
 * long.
 */
const MAX_UNREAD_BYTES_TO_START = 32 * MIB;
const MAX_UNREAD_MS = 10_000;

/**
 * Streams that the sessions of a principal may have open together, and the memory that their values may use: one value, or several within
 * this limit.
 */
const MAX_STREAMS = 128;
const MAX_RESERVED_BYTES = 64 * MIB;

/** Limits how many of one kind the sessions of a principal have open. */
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
 * An origin in a window: the total usage of all its sessions. Reconnecting, or using several ports, resets nothing.
 *
 * Invariant: what a principal holds in the main process is bounded, however many connections it has.
 */
export class Principal {
  /** Names of the window and the origin; undefined for the main process. */
  readonly window: string | undefined;
  readonly origin: string | undefined;
  /** Bytes that its pages have written, counted against their grants. */
  readonly usage: WriteUsage = { bytesWritten: 0 };
  readonly streams = new Quota(MAX_STREAMS, 'streams');
  readonly calls = new Quota(MAX_HTTP_CALLS, 'HTTP calls');
  readonly bodies = new Quota(MAX_OPEN_BODIES, 'bodies');
  readonly #late = new LeakyBucket(MAX_LATE_MS, LATE_MS_FORGIVEN_PER_SECOND);
  readonly #malformed = new LeakyBucket(MAX_MALFORMED_MESSAGES, MALFORMED_MESSAGES_FORGIVEN_PER_SECOND);
  readonly #refused = new LeakyBucket(MAX_REFUSED_BYTES, REFUSED_BYTES_FORGIVEN_PER_SECOND);
  #unreadBytes = 0;
  /** When it last received a response, or last had none outstanding. */
  #lastReadAt = 0;
  #reservedBytes = 0;
  #mayUseNearCache = true;

  constructor(window?: string, origin?: string) {
    this.window = window;
    this.origin = origin;
  }

  /** Whether it may use near caches. False once others have waited for it too long, until its lateness has drained completely. */
  get mayUseNearCache(): boolean {
    this.#mayUseNearCache ||= this.#late.level === 0;
    return this.#mayUseNearCache;
  }

  /** Records that others waited for it. */
  addLate(ms: number): void {
    if (!this.#late.add(ms)) this.#mayUseNearCache = false;
  }

  /** @throws {DiskCacheError} `DISCONNECTED` if it has sent too many messages that are not calls. */
  addMalformedMessage(): void {
    if (this.#malformed.add(1)) return;
    throw new DiskCacheError(
      'DISCONNECTED',
      `This page has sent more than ${MAX_MALFORMED_MESSAGES} messages that are not calls`,
    );
  }

  /** @throws {DiskCacheError} `DISCONNECTED` if it has sent too many bytes that were refused. */
  addRefused(bytes: number): void {
    if (this.#refused.add(bytes)) return;
    throw new DiskCacheError(
      'DISCONNECTED',
      `This page has sent more than ${MAX_REFUSED_BYTES} bytes in refused messages; check its grant`,
    );
  }

  /** @throws {DiskCacheError} `DISCONNECTED` if too many bytes of responses were not received. */
  addUnread(bytes: number): void {
    if (this.#unreadBytes === 0) this.#lastReadAt = performance.now();
    this.#unreadBytes += bytes;
    if (this.#unreadBytes <= MAX_UNREAD_BYTES) return;
    throw new DiskCacheError(
      'DISCONNECTED',
      `This page has more than ${MAX_UNREAD_BYTES} bytes of responses that it has not received`,
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
   * Whether it must receive responses before another of its calls starts. This keeps a page that receives nothing from filling the memory
   * with more calls.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if it has received none for too long.
   */
  get isBehind(): boolean {
    if (this.#unreadBytes <= MAX_UNREAD_BYTES_TO_START) return false;
    if (performance.now() - this.#lastReadAt <= MAX_UNREAD_MS) return true;
    throw new DiskCacheError(
      'DISCONNECTED',
      `This page has received none of its responses for ${MAX_UNREAD_MS} ms; ${this.#unreadBytes} bytes are pending`,
    );
  }

  /** @throws {DiskCacheError} `BUSY` if the values of its streams use too much memory. */
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

  /** Whether it has nothing open and no usage left to remember. */
  get isIdle(): boolean {
    const isRemembered = [this.#late, this.#malformed, this.#refused].some(({ level }) => level > 0);
    return (
      !isRemembered &&
      this.usage.bytesWritten === 0 &&
      this.#unreadBytes + this.#reservedBytes + this.streams.open + this.calls.open + this.bodies.open === 0
    );
  }
}

/** Above this number, idle principals are forgotten. */
const MAX_PRINCIPALS = 256;

/** The principals of one window, by origin. */
export class Principals {
  readonly #byOrigin = new Map<string, Principal>();
  readonly #window: string | undefined;

  constructor(window?: string) {
    this.#window = window;
  }

  /** Returns the principal of an origin; without an origin, one of its own. */
  get(origin: string | undefined): Principal {
    if (origin === undefined) return new Principal(this.#window);
    const known = this.#byOrigin.get(origin);
    if (known !== undefined) return known;
    if (this.#byOrigin.size >= MAX_PRINCIPALS) this.#removeIdle();
    const principal = new Principal(this.#window, origin);
    this.#byOrigin.set(origin, principal);
    return principal;
  }

  #removeIdle(): void {
    for (const [origin, principal] of this.#byOrigin) if (principal.isIdle) this.#byOrigin.delete(origin);
  }
}
