import { type Remote, releaseProxy, wrap } from 'comlink';
import { DiskCacheError, fromErrorData } from '../../protocol/error.ts';
import type { Outcome } from '../../protocol/outcome.ts';
import type { Face, Refusal, Watch } from '../../protocol/wire.ts';
import type { Line } from './line.ts';

/** The calls over a line that use comlink: subscriptions and leases of near stores. */
export class LineFace {
  readonly #line: Line;
  readonly #face: Remote<Face>;

  constructor(line: Line) {
    this.#line = line;
    this.#face = wrap<Face>(line.port as Parameters<typeof wrap>[0]);
    // Comlink's registry holds the port until the proxy has gone; the port holds the line and what waits for an answer.
    line.onClose = () => this.#face[releaseProxy]();
  }

  /** @throws {DiskCacheError} with the main process's reason if it refuses. */
  async watch(watch: Watch): Promise<void> {
    getValue(await this.#open.watch(watch));
  }

  unwatch(id: number): void {
    if (this.#line.isOpen) void this.#face.unwatch(id);
  }

  /** Acknowledges the changes with this number. */
  seen(number: number): void {
    if (this.#line.isOpen) void this.#face.seen(number);
  }

  /**
   * Requests a lease on a store's near values. Returns false if values kept before may be stale.
   *
   * @throws {DiskCacheError} with the main process's reason if it refuses.
   */
  async near(store: string): Promise<boolean> {
    return getValue(await this.#open.near(store));
  }

  far(store: string): void {
    if (this.#line.isOpen) void this.#face.far(store);
  }

  /** Acknowledges that the stale values with this number were dropped. */
  dropped(number: number): void {
    if (this.#line.isOpen) void this.#face.dropped(number);
  }

  get #open(): Remote<Face> {
    if (this.#line.isOpen) return this.#face;
    throw new DiskCacheError('DISCONNECTED', 'The line to the main process was closed');
  }
}

function getValue<T>(outcome: Outcome<T> | Refusal): T {
  if ('refused' in outcome) throw fromErrorData(outcome.refused);
  if ('error' in outcome) throw fromErrorData(outcome.error);
  return outcome.value;
}
