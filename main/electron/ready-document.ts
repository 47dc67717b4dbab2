import type { Event, WebContents, WebFrameMain } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { ReadyAnswer } from '../../protocol/handshake.ts';
import { SessionGrant } from '../bridge/grant.ts';
import type { EngineEndpoint, SettingsSnapshot } from './engine-endpoint.ts';
import { type Authorize, getGrant, getSender, isFrameAlive } from './sender.ts';
import { MAX_READY_BYTES } from './settings-snapshot.ts';

/** How often one document may ask: once for each store, and again each time its connection was lost. */
const MAX_REQUESTS = 16;

/** How long a page, which is blocked, waits for the utility process. */
const MAX_WAIT_MS = 1000;

/** Gives settings to the current top document of one window, within the limits of a document. */
export class ReadyDocument {
  readonly #contents: WebContents;
  readonly #window: string;
  readonly #authorize: Authorize;
  readonly #engine: EngineEndpoint;
  readonly #warned: Set<string>;
  /** Bytes that the document was sent, by store. */
  #given = new Map<string, number>();
  #requests = 0;
  /** Stores whose read the utility process has not answered in time. */
  readonly #overdue = new Set<string>();
  #isWatching = false;

  constructor(
    contents: WebContents,
    window: string,
    authorize: Authorize,
    engine: EngineEndpoint,
    warned: Set<string>,
  ) {
    this.#contents = contents;
    this.#window = window;
    this.#authorize = authorize;
    this.#engine = engine;
    this.#warned = warned;
  }

  /**
   * Returns the settings of a store for the document in `frame`.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED`, `BAD_OPTION`, `TOO_LARGE`, `TIMEOUT` (also as a rejection), or the error of reading.
   */
  respond(frame: WebFrameMain | null, store: unknown, ready: readonly string[]): ReadyAnswer | Promise<ReadyAnswer> {
    const name = this.#authorizeRead(frame, store);
    if (!ready.includes(name)) throw notReady(name);
    this.#watch();
    if (++this.#requests > MAX_REQUESTS)
      throw new DiskCacheError('NOT_ALLOWED', `This page has asked for settings ${MAX_REQUESTS} times; await load()`);
    if (this.#overdue.has(name)) throw overdue(name);
    const given = this.#given;
    const snapshot = this.#engine.readSettings(name);
    return snapshot instanceof Promise
      ? this.#wait(name, snapshot).then((read) => this.#give(name, read, given))
      : this.#give(name, snapshot, given);
  }

  end(): void {
    if (!this.#isWatching || this.#contents.isDestroyed()) return;
    this.#contents.off('did-frame-navigate', this.#onNavigated);
    this.#contents.off('did-fail-provisional-load', this.#onFailed);
  }

  /** Allows only the top document of a window, and only if its grant covers reading the store. Returns the store's name. */
  #authorizeRead(frame: WebFrameMain | null, store: unknown): string {
    const sender = getSender(frame, this.#window);
    if (typeof store !== 'string' || !isFrameAlive(frame) || !sender?.isTop)
      throw new DiskCacheError('NOT_ALLOWED', 'Only the top page of a window gets settings by `ready`; await load()');
    const grant = getGrant(this.#authorize, sender);
    if (grant === null)
      throw new DiskCacheError('NOT_ALLOWED', `The page of ${sender.origin} was granted nothing by authorize(frame)`);
    new SessionGrant(grant).require(store, 'read');
    return store;
  }

  #give(store: string, { bytes, value }: SettingsSnapshot, given: Map<string, number>): ReadyAnswer {
    const others = [...given].reduce((sum, [name, size]) => (name === store ? sum : sum + size), 0);
    if (others + bytes <= MAX_READY_BYTES) {
      given.set(store, bytes);
      return { value };
    }
    const message = `The settings "${store}" have ${bytes} bytes${others > 0 ? `, and others of this page ${others}` : ''}; \`ready\` gives a page at most ${MAX_READY_BYTES}`;
    if (!this.#warned.has(store)) {
      this.#warned.add(store);
      const warning = new Error(`${message}. \`now\` throws until \`load()\` has resolved`);
      process.emitWarning(Object.assign(warning, { name: 'DiskCacheWarning', code: 'TOO_LARGE' }));
    }
    throw new DiskCacheError('TOO_LARGE', `${message}; await load()`);
  }

  /** Rejects with `TIMEOUT` when the utility process takes too long: the page is blocked while it waits. */
  #wait(store: string, snapshot: Promise<SettingsSnapshot>): Promise<SettingsSnapshot> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#overdue.add(store);
        reject(overdue(store));
      }, MAX_WAIT_MS);
      snapshot.then(resolve, reject).finally(() => {
        clearTimeout(timer);
        this.#overdue.delete(store);
      });
    });
  }

  /** From the first request on, resets the limits for each new document. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#contents.on('did-frame-navigate', this.#onNavigated);
    this.#contents.on('did-fail-provisional-load', this.#onFailed);
  }

  readonly #onNavigated = (_event: Event, _url: string, _status: number, _text: string, isMainFrame: boolean): void => {
    if (isMainFrame) this.#reset();
  };
  readonly #onFailed = (_event: Event, _code: number, _text: string, _url: string, isMainFrame: boolean): void => {
    if (isMainFrame) this.#reset();
  };

  #reset(): void {
    this.#given = new Map();
    this.#requests = 0;
  }
}

const notReady = (store: string) =>
  new DiskCacheError(
    'BAD_OPTION',
    `"${store.slice(0, 64)}" is not in \`ready\` of host.install or host.attach; await load() first`,
  );

const overdue = (store: string) =>
  new DiskCacheError('TIMEOUT', `The utility process has not read "${store}" within ${MAX_WAIT_MS} ms; await load()`);
