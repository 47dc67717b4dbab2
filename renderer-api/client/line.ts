import { type Remote, releaseProxy, wrap } from 'comlink';
import { DiskCacheError, fromErrorData } from '../../protocol/error.ts';
import { isStale, type Stale } from '../../protocol/near.ts';
import type { Outcome } from '../../protocol/outcome.ts';
import {
  type Changes,
  type Face,
  isAnswer,
  isChanges,
  isGoodbye,
  type Operation,
  type Refusal,
  type Request,
  type Results,
  type Watch,
} from '../../protocol/wire.ts';

/** What the client needs of a port: a page's `MessagePort` is one, and so is Node's. */
export interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  removeEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
  start(): void;
  close(): void;
}

/** Who hears what comes without having been asked for. */
export interface LineListener {
  /** Once: the other side said goodbye, or the line was cut without a word. */
  onEnd(reason: DiskCacheError, wasCut: boolean): void;
  onChanges(changes: Changes['changes']): void;
  onStale(changed: Stale['changed']): void;
}

interface Waiting {
  resolve(results: Results): void;
  reject(error: unknown): void;
}

/** One port to the main process, while it lasts. What is open when it ends stays open: its listener hears of the end. */
export class Line {
  readonly #port: Port;
  readonly #listener: LineListener;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #open = true;
  #face: Remote<Face> | undefined;

  constructor(port: Port, listener: LineListener) {
    this.#port = port;
    this.#listener = listener;
    port.addEventListener('message', ({ data }) => this.#receive(data));
    port.addEventListener('close', () => this.#end(hasGone(), true));
    port.start();
  }

  run(operations: readonly Operation[]): Promise<Results> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      // First, for what can't be posted throws, and nobody will answer it.
      this.#port.postMessage([id, operations] satisfies Request);
      this.#waiting.set(id, { resolve, reject });
    });
  }

  /** @throws {DiskCacheError} what the main process refuses it for. */
  async watch(watch: Watch): Promise<void> {
    outcomeValue(await this.#remote.watch(watch));
  }

  unwatch(id: number): void {
    void this.#remote.unwatch(id);
  }

  /**
   * Asks for a lease on what is kept near of a store; false when what was kept before may be old.
   *
   * @throws {DiskCacheError} what the main process refuses it for.
   */
  async near(store: string): Promise<boolean> {
    return outcomeValue(await this.#remote.near(store));
  }

  far(store: string): void {
    void this.#remote.far(store);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#port.close();
    // Comlink's registry holds the port until the proxy has gone; the port holds this line and what waits for an answer.
    this.#face?.[releaseProxy]();
    this.#face = undefined;
  }

  get #remote(): Remote<Face> {
    if (!this.#open) throw new DiskCacheError('DISCONNECTED', 'The line to the main process was closed');
    this.#face ??= wrap<Face>(this.#port as Parameters<typeof wrap>[0]);
    return this.#face;
  }

  #receive(data: unknown): void {
    if (!this.#open) return;
    if (isAnswer(data)) {
      const waiting = this.#waiting.get(data[0]);
      this.#waiting.delete(data[0]);
      if (data.length === 2) waiting?.reject(fromErrorData(data[1].refused));
      else waiting?.resolve({ values: data[1], failures: data[2] });
    } else if (isChanges(data)) {
      this.#listener.onChanges(data.changes);
      void this.#remote.seen(data.number);
    } else if (isStale(data)) {
      this.#listener.onStale(data.changed);
      void this.#remote.dropped(data.number);
    } else if (isGoodbye(data)) this.#end(fromErrorData(data.reason), false);
  }

  #end(reason: DiskCacheError, wasCut: boolean): void {
    if (!this.#open) return;
    this.close();
    this.#listener.onEnd(reason, wasCut);
  }
}

const hasGone = () =>
  new DiskCacheError('DISCONNECTED', 'Who answered this page has gone; a write may have been made or not');

function outcomeValue<T>(outcome: Outcome<T> | Refusal): T {
  if ('refused' in outcome) throw fromErrorData(outcome.refused);
  if ('error' in outcome) throw fromErrorData(outcome.error);
  return outcome.value;
}
