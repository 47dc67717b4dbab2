import { type Remote, releaseProxy, wrap } from 'comlink';
import { DiskCacheError, fromErrorData } from '../../protocol/error.ts';
import type { Outcome } from '../../protocol/outcome.ts';
import type { Face, Refusal, Watch } from '../../protocol/wire.ts';
import type { Line } from './line.ts';

/** What is said over a line in comlink's words: what the page listens to, and what it keeps near. */
export class LineFace {
  readonly #line: Line;
  readonly #face: Remote<Face>;

  constructor(line: Line) {
    this.#line = line;
    this.#face = wrap<Face>(line.port as Parameters<typeof wrap>[0]);
    // Comlink's registry holds the port until the proxy has gone; the port holds the line and what waits for an answer.
    line.onClose = () => this.#face[releaseProxy]();
  }

  /** @throws {DiskCacheError} what the main process refuses it for. */
  async watch(watch: Watch): Promise<void> {
    getValue(await this.#open.watch(watch));
  }

  unwatch(id: number): void {
    if (this.#line.isOpen) void this.#face.unwatch(id);
  }

  /** What was told with this number has arrived. */
  seen(number: number): void {
    if (this.#line.isOpen) void this.#face.seen(number);
  }

  /**
   * Asks for a lease on what is kept near of a store; false when what was kept before may be old.
   *
   * @throws {DiskCacheError} what the main process refuses it for.
   */
  async near(store: string): Promise<boolean> {
    return getValue(await this.#open.near(store));
  }

  far(store: string): void {
    if (this.#line.isOpen) void this.#face.far(store);
  }

  /** What was named stale with this number was dropped. */
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
