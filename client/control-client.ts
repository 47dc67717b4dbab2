import { type Remote, releaseProxy, wrap } from 'comlink';
import { DiskCacheError, fromErrorData } from '../protocol/error.ts';
import type { ControlApi, Outcome, Refusal, SubscribeRequest } from '../protocol/wire.ts';
import type { PortConnection } from './port-connection.ts';

/** The calls over a line that use comlink: subscriptions and leases of near stores. */
export class ControlClient {
  readonly #connection: PortConnection;
  readonly #api: Remote<ControlApi>;

  constructor(line: PortConnection) {
    this.#connection = line;
    this.#api = wrap<ControlApi>(line.port as Parameters<typeof wrap>[0]);
    // Comlink's registry holds the port until the proxy has gone; the port holds the line and what waits for an answer.
    line.onClose = () => this.#api[releaseProxy]();
  }

  /** @throws {DiskCacheError} with the main process's reason if it refuses. */
  async subscribe(watch: SubscribeRequest): Promise<void> {
    unwrapOutcome(await this.#openApi.watch(watch));
  }

  unsubscribe(id: number): void {
    if (this.#connection.isOpen) void this.#api.unwatch(id);
  }

  /** Acknowledges the changes with this number. */
  acknowledgeChanges(number: number): void {
    if (this.#connection.isOpen) void this.#api.seen(number);
  }

  /**
   * Requests a lease on a store's near values. Returns false if values kept before may be stale.
   *
   * @throws {DiskCacheError} with the main process's reason if it refuses.
   */
  async requestLease(store: string): Promise<boolean> {
    return unwrapOutcome(await this.#openApi.near(store));
  }

  releaseLease(store: string): void {
    if (this.#connection.isOpen) void this.#api.far(store);
  }

  /** Acknowledges that the stale values with this number were dropped. */
  acknowledgeInvalidation(number: number): void {
    if (this.#connection.isOpen) void this.#api.dropped(number);
  }

  get #openApi(): Remote<ControlApi> {
    if (this.#connection.isOpen) return this.#api;
    throw new DiskCacheError('DISCONNECTED', 'The line to the main process was closed');
  }
}

function unwrapOutcome<T>(outcome: Outcome<T> | Refusal): T {
  if ('refused' in outcome) throw fromErrorData(outcome.refused);
  if ('error' in outcome) throw fromErrorData(outcome.error);
  return outcome.value;
}
