import { DiskCacheError } from '../../protocol/error.ts';
import { Comeback } from '../client/comeback.ts';
import { rethrowLater } from '../client/on-demand.ts';
import type { OfflineLine } from './offline-line.ts';

type Listener = (online: boolean) => void;

interface Hearing {
  readonly listener: Listener;
  readonly onError: (error: unknown) => void;
}

/** What `RemoteConnection` does, over successive lines. */
export class Connection {
  readonly #connected: () => Promise<OfflineLine>;
  readonly #comeback: Comeback;
  readonly #open = new Set<Hearing>();
  #line: OfflineLine | undefined;
  /** The state that the listeners know. */
  #known: boolean | undefined;

  constructor(connected: () => Promise<OfflineLine>) {
    this.#connected = connected;
    this.#comeback = new Comeback({
      connect: connected,
      isWanted: () => this.#line === undefined && this.#open.size > 0,
      onFailure: (error) => this.#fail(error),
    });
  }

  get online(): Promise<boolean> {
    return this.#connected().then((line) => line.ask('connection', null));
  }

  /**
   * Calls `listener` for every change from now on, and `onError` if there will be no more. Without `mayConnect` it waits for the
   * next line. Returns an unsubscribe function.
   */
  subscribe(listener: Listener, onError: Hearing['onError'], mayConnect: boolean): () => void {
    if (typeof listener !== 'function') {
      onError(new DiskCacheError('BAD_OPTION', 'subscribe takes a function'));
      return () => {};
    }
    const hearing: Hearing = { listener, onError };
    this.#open.add(hearing);
    if (this.#line !== undefined) this.#ask(this.#line);
    else if (mayConnect) this.#comeback.now();
    return () => void this.#open.delete(hearing);
  }

  /** Requests fail at once, and what is stored stands in, for all windows of the session. */
  goOffline(): Promise<void> {
    return this.#set(false);
  }

  goOnline(): Promise<void> {
    return this.#set(true);
  }

  /** @internal The state, as the main process reports it. */
  tell(online: boolean): void {
    const known = this.#known;
    this.#known = online;
    if (known === undefined || known === online) return;
    for (const { listener } of [...this.#open]) {
      try {
        listener(online);
      } catch (error) {
        // As with an event target: a listener's failure is its own and reported as uncaught.
        rethrowLater(error);
      }
    }
  }

  /** @internal A new line. */
  resume(line: OfflineLine): void {
    this.#line = line;
    if (this.#open.size > 0) this.#ask(line);
  }

  /** @internal The line was cut or given up. */
  interrupted(): void {
    this.#line = undefined;
    this.#comeback.cancel();
    if (this.#open.size === 0) this.#known = undefined;
  }

  /** @internal Reconnects on behalf of the listeners, if the page is still there in a moment. */
  reconnect(): void {
    this.#comeback.later();
  }

  async #set(online: boolean): Promise<void> {
    await (await this.#connected()).ask('setOnline', online);
  }

  /** The answer comes as news, in order with all others. */
  #ask(line: OfflineLine): void {
    line.ask('connection', null).catch((error: unknown) => {
      if (this.#line === line) this.#fail(error);
    });
  }

  #fail(error: unknown): void {
    for (const hearing of [...this.#open]) {
      this.#open.delete(hearing);
      hearing.onError(error);
    }
  }
}
