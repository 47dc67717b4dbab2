import type { Access } from '../protocol/contract/signature.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { ValueStreamContract } from '../protocol/value-stream.ts';
import { MAX_BATCH, MAX_BATCHES_IN_FLIGHT } from '../protocol/wire.ts';
import { LazyUpdates } from './lazy-updates.ts';
import { estimateCallBytes, type Fallback, OutgoingBatch } from './outgoing-batch.ts';
import { type MessagePortLike, PortConnection } from './port-connection.ts';
import { StoreOrder } from './store-order.ts';

/** Gets a port to the main process; `signal` tells it to give up. */
export type OpenPort = (signal: AbortSignal) => Promise<MessagePortLike>;

/** Share of the timeout given to the handshake, so that its specific error wins over the generic TIMEOUT. */
const HANDSHAKE_SHARE = 0.9;

/**
 * Carries calls to the main process, those of one turn together. The first call opens the connection, and so does the first call after it
 * was lost. In-flight batches are limited; the rest queue here. If the connection drops without a goodbye, batches that only read are sent
 * once more; batches with writes reject, because the writes may have been made.
 *
 * Invariant: every call settles, at the latest when the main process has sent no response for `timeout` milliseconds.
 */
export class Client {
  readonly updates: LazyUpdates;
  readonly #connect: OpenPort;
  readonly #timeout: number;
  #turn: OutgoingBatch[] = [];
  /** Not sent yet, in order. */
  #queued: OutgoingBatch[] = [];
  readonly #sent = new Set<OutgoingBatch>();
  #operations = 0;
  #bytes = 0;
  #port: Promise<PortConnection> | undefined;
  #respondedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #storeOrder = new StoreOrder();
  #connectionAbort = new AbortController();

  constructor(connect: OpenPort, timeout: number) {
    this.#connect = connect;
    // 23 days: a timer of 2^31 ms or more would fire at once.
    this.#timeout = Math.min(timeout, 2e9);
    this.updates = new LazyUpdates(
      () => this.#getConnection(),
      () => this.#queued.length > 0 && this.#connectAndSend(),
    );
  }

  /** Adds a call to this turn's batch. `access`: what the call needs, by its method's signature. */
  call(
    store: string,
    method: string,
    args: readonly unknown[],
    access: Access = 'admin',
    tooLarge?: Fallback,
  ): Promise<unknown> {
    return this.#storeOrder.run(store, () => this.#addToTurn(store, method, args, access === 'read', false, tooLarge));
  }

  /** Like `call`, for use inside `exclusive`: it doesn't wait for its turn. */
  callNow(store: string, method: string, args: readonly unknown[]): Promise<unknown> {
    return this.#addToTurn(store, method, args, false, false);
  }

  /** Aborted when the connection has ended, and its streams with it. */
  get signal(): AbortSignal {
    return this.#connectionAbort.signal;
  }

  /** A step of a streamed value, in a message of its own: no other call waits for its response. */
  streamStep<M extends keyof ValueStreamContract>(
    connection: AbortSignal,
    store: string,
    method: M,
    ...args: Parameters<ValueStreamContract[M]>
  ): Promise<Awaited<ReturnType<ValueStreamContract[M]>>> {
    if (connection.aborted) return Promise.reject(connection.reason);
    const isAlone = true;
    return this.#addToTurn(store, method, args, false, isAlone) as Promise<Awaited<ReturnType<ValueStreamContract[M]>>>;
  }

  /** Runs `work` when it is its turn; calls on the store that are made from now on wait until it has settled. */
  exclusive<T>(store: string, work: () => Promise<T>): Promise<T> {
    return this.#storeOrder.run(store, work, true);
  }

  #addToTurn(
    store: string,
    method: string,
    args: readonly unknown[],
    isRead: boolean,
    isAlone: boolean,
    onTooLarge?: Fallback,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const weight = estimateCallBytes(store, args);
      if (this.#turn.length === 0) void this.#flushTurn();
      let batch = this.#turn.at(-1);
      if (isAlone || !batch?.fits(weight)) {
        batch = new OutgoingBatch(isAlone);
        this.#turn.push(batch);
      }
      batch.add([store, method, ...args], { isRead, onTooLarge, resolve, reject }, weight);
    });
  }

  /** Rejects everything open with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#storeOrder.reject(reason);
    this.#port?.then((connection) => connection.close()).catch(() => {});
    this.#dropConnection(reason);
    this.updates.disconnected();
    for (const batch of this.#turn.splice(0)) batch.reject(reason);
    this.#rejectAll(reason);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Sends the turn's calls in a microtask. It awaits, because fake timers of a test may replace `queueMicrotask`. */
  async #flushTurn(): Promise<void> {
    await 0;
    if (this.#turn.length === 0) return;
    if (this.#sent.size === 0 && this.#queued.length === 0) this.#respondedAt = performance.now();
    this.#queued.push(...this.#turn);
    this.#turn = [];
    this.#timer ??= setTimeout(this.#checkTimeout, this.#timeout);
    this.#connectAndSend();
  }

  #connectAndSend(): void {
    const connected = this.#getConnection();
    connected.then(
      (connection) => {
        if (this.#port === connected) this.#sendQueued(connection);
      },
      // Waiting calls may be for the next connection; nothing of this one matters after a `disconnect`.
      (error: unknown) => {
        if (this.#port === undefined) this.#rejectAll(error);
      },
    );
  }

  #sendQueued(connection: PortConnection): void {
    if (this.updates.isLoading) return;
    for (let next = this.#queued[0]; next !== undefined && this.#fitsInFlight(next); next = this.#queued[0]) {
      this.#queued.shift();
      void this.#sendBatch(connection, next);
    }
  }

  #fitsInFlight({ calls, bytes }: OutgoingBatch): boolean {
    if (this.#sent.size === 0) return true;
    return (
      this.#operations + calls.length <= MAX_BATCHES_IN_FLIGHT * MAX_BATCH.operations &&
      this.#bytes + bytes <= MAX_BATCHES_IN_FLIGHT * MAX_BATCH.bytes
    );
  }

  async #sendBatch(connection: PortConnection, batch: OutgoingBatch): Promise<void> {
    this.#sent.add(batch);
    this.#operations += batch.calls.length;
    this.#bytes += batch.bytes;
    try {
      batch.settle(await connection.send(batch.operations));
    } catch (error) {
      batch.reject(error);
    }
    this.#respondedAt = performance.now();
    this.#removeSent(batch);
    if (this.#queued.length > 0) this.#sendQueued(connection);
  }

  #removeSent(batch: OutgoingBatch): void {
    if (!this.#sent.delete(batch)) return;
    this.#operations -= batch.calls.length;
    this.#bytes -= batch.bytes;
  }

  #getConnection(): Promise<PortConnection> {
    if (this.#port !== undefined) return this.#port;
    const handshakeTimeout = Math.ceil(this.#timeout * HANDSHAKE_SHARE);
    const connecting = this.#connect(AbortSignal.timeout(handshakeTimeout)).then((port) => {
      const connection = new PortConnection(port, {
        onEnd: (reason, wasDropped) => this.#onConnectionLost(connecting, reason, wasDropped),
        onMessage: (message) => this.updates.loaded?.receive(message),
      });
      if (this.#port === connecting) this.updates.resume(connection);
      return connection;
    });
    this.#port = connecting;
    connecting.catch(() => {
      if (this.#port === connecting) this.#port = undefined;
    });
    return connecting;
  }

  #onConnectionLost(connection: Promise<PortConnection>, reason: DiskCacheError, wasDropped: boolean): void {
    if (this.#port !== connection) return;
    this.#dropConnection(reason);
    const retries = wasDropped ? this.#takeIdempotent() : [];
    this.#rejectAll(reason);
    if (retries.length > 0) {
      this.#queued.push(...retries);
      this.#connectAndSend();
    }
    this.updates.loaded?.reconnect();
  }

  /** Removes and returns the batches that may be sent once more, because they only read. */
  #takeIdempotent(): OutgoingBatch[] {
    const repeatable = [...this.#sent, ...this.#queued].filter((batch) => batch.isIdempotent);
    this.#queued = this.#queued.filter((batch) => !repeatable.includes(batch));
    for (const batch of repeatable) {
      batch.isRetry = true;
      this.#removeSent(batch);
    }
    return repeatable;
  }

  /** Ends everything that belongs to the connection. */
  #dropConnection(reason: DiskCacheError): void {
    this.#port = undefined;
    this.#connectionAbort.abort(reason);
    this.#connectionAbort = new AbortController();
    this.updates.interrupted();
  }

  readonly #checkTimeout = (): void => {
    this.#timer = undefined;
    if (this.#sent.size === 0 && this.#queued.length === 0) return;
    const left = this.#respondedAt + this.#timeout - performance.now();
    if (left > 0) this.#timer = setTimeout(this.#checkTimeout, left);
    else this.#rejectAll(this.#createTimeoutError());
  };

  #rejectAll(reason: unknown): void {
    const batches = [...this.#sent, ...this.#queued.splice(0)];
    for (const batch of batches) {
      batch.reject(reason);
      this.#removeSent(batch);
    }
  }

  #createTimeoutError(): DiskCacheError {
    return new DiskCacheError(
      'TIMEOUT',
      `The main process did not answer within ${this.#timeout} ms; writes may or may not have been made`,
    );
  }
}

/** Runs a step of a stream of one store. Rejects once the connection has ended. */
type StreamStep = <M extends keyof ValueStreamContract>(
  method: M,
  ...args: Parameters<ValueStreamContract[M]>
) => Promise<Awaited<ReturnType<ValueStreamContract[M]>>>;

/** The steps of one stream, and the connection that it belongs to. */
export interface StreamHandle {
  readonly step: StreamStep;
  /** Cancels a stream, so that the main process keeps nothing of it. Never rejects: the main process may be what has failed. */
  cancel(stream: string): Promise<void>;
  readonly signal: AbortSignal;
}

export function createStreamHandle(client: Client, store: string): StreamHandle {
  const { signal } = client;
  const step: StreamStep = (method, ...args) => client.streamStep(signal, store, method, ...args);
  return { step, cancel: (stream) => step('leaveStream', stream).catch(() => {}), signal };
}
