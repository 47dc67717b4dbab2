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
 * Carries calls to the main process: those of one turn together, over one line that is opened by the first call and
 * opened again by the first call after it was cut. So much is under way and no more; what is more waits here. What only reads is sent
 * once more when its line was cut without a word; a write may have been made, so it rejects.
 *
 * Invariant: every call settles, at the latest when the main process has answered nothing for `timeout` milliseconds.
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

  /** Joins this turn's message. `access` is what the method's signature says of it. */
  call(
    store: string,
    method: string,
    args: readonly unknown[],
    access: Access = 'admin',
    tooLarge?: Fallback,
  ): Promise<unknown> {
    return this.#storeOrder.run(store, () => this.#addToTurn(store, method, args, access === 'read', false, tooLarge));
  }

  /** As `call`, by who holds the store. */
  callHeld(store: string, method: string, args: readonly unknown[]): Promise<unknown> {
    return this.#addToTurn(store, method, args, false, false);
  }

  /** What streams belong to: aborted when the connection has ended. */
  get signal(): AbortSignal {
    return this.#connectionAbort.signal;
  }

  /** A step of a streamed value, in a message of its own: no other call waits for its answer. */
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

  /** Calls on the store that are made from now on wait until `work` has settled, which begins when it is its turn. */
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
      if (this.#turn.length === 0) queueMicrotask(() => this.#flushTurn());
      let parcel = this.#turn.at(-1);
      if (isAlone || !parcel?.fits(weight)) {
        parcel = new OutgoingBatch(isAlone);
        this.#turn.push(parcel);
      }
      parcel.add([store, method, ...args], { isRead, onTooLarge, resolve, reject }, weight);
    });
  }

  /** Rejects everything open with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#storeOrder.reject(reason);
    this.#port?.then((line) => line.close()).catch(() => {});
    this.#dropConnection();
    this.updates.disconnected();
    for (const parcel of this.#turn.splice(0)) parcel.reject(reason);
    this.#rejectAll(reason);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #flushTurn(): void {
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
      (line) => {
        if (this.#port === connected) this.#sendQueued(line);
      },
      // Waiting calls may be for the next connection; nothing of this one matters after a `disconnect`.
      (error: unknown) => {
        if (this.#port === undefined) this.#rejectAll(error);
      },
    );
  }

  #sendQueued(line: PortConnection): void {
    if (this.updates.isLoading) return;
    for (let next = this.#queued[0]; next !== undefined && this.#fitsInFlight(next); next = this.#queued[0]) {
      this.#queued.shift();
      void this.#sendBatch(line, next);
    }
  }

  #fitsInFlight({ calls, bytes }: OutgoingBatch): boolean {
    if (this.#sent.size === 0) return true;
    return (
      this.#operations + calls.length <= MAX_BATCHES_IN_FLIGHT * MAX_BATCH.operations &&
      this.#bytes + bytes <= MAX_BATCHES_IN_FLIGHT * MAX_BATCH.bytes
    );
  }

  async #sendBatch(line: PortConnection, parcel: OutgoingBatch): Promise<void> {
    this.#sent.add(parcel);
    this.#operations += parcel.calls.length;
    this.#bytes += parcel.bytes;
    try {
      parcel.settle(await line.send(parcel.operations));
    } catch (error) {
      parcel.reject(error);
    }
    this.#respondedAt = performance.now();
    this.#removeSent(parcel);
    if (this.#queued.length > 0) this.#sendQueued(line);
  }

  #removeSent(parcel: OutgoingBatch): void {
    if (!this.#sent.delete(parcel)) return;
    this.#operations -= parcel.calls.length;
    this.#bytes -= parcel.bytes;
  }

  #getConnection(): Promise<PortConnection> {
    if (this.#port !== undefined) return this.#port;
    const patience = Math.ceil(this.#timeout * HANDSHAKE_SHARE);
    const connecting = this.#connect(AbortSignal.timeout(patience)).then((port) => {
      const line = new PortConnection(port, {
        onEnd: (reason, wasCut) => this.#onConnectionLost(connecting, reason, wasCut),
        onMessage: (message) => this.updates.receive(message),
      });
      if (this.#port === connecting) this.updates.resume(line);
      return line;
    });
    this.#port = connecting;
    connecting.catch(() => {
      if (this.#port === connecting) this.#port = undefined;
    });
    return connecting;
  }

  #onConnectionLost(line: Promise<PortConnection>, reason: DiskCacheError, wasCut: boolean): void {
    if (this.#port !== line) return;
    this.#dropConnection();
    const again = wasCut ? this.#takeIdempotent() : [];
    this.#rejectAll(reason);
    if (again.length > 0) {
      this.#queued.push(...again);
      this.#connectAndSend();
    }
    this.updates.reconnect();
  }

  /** Takes out what may be sent once more, for it only reads. */
  #takeIdempotent(): OutgoingBatch[] {
    const repeatable = [...this.#sent, ...this.#queued].filter((parcel) => parcel.isIdempotent);
    this.#queued = this.#queued.filter((parcel) => !repeatable.includes(parcel));
    for (const parcel of repeatable) {
      parcel.isRetry = true;
      this.#removeSent(parcel);
    }
    return repeatable;
  }

  /** The line, and what ends with it. */
  #dropConnection(): void {
    this.#port = undefined;
    this.#connectionAbort.abort(new DiskCacheError('DISCONNECTED', 'The connection of the stream has ended'));
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
    const parcels = [...this.#sent, ...this.#queued.splice(0)];
    for (const parcel of parcels) {
      parcel.reject(reason);
      this.#removeSent(parcel);
    }
  }

  #createTimeoutError(): DiskCacheError {
    return new DiskCacheError(
      'TIMEOUT',
      `The main process did not answer within ${this.#timeout} ms; a write may have been made or not`,
    );
  }
}

/** Takes a step of a stream of one store. Rejects once the connection has ended. */
type StreamStep = <M extends keyof ValueStreamContract>(
  method: M,
  ...args: Parameters<ValueStreamContract[M]>
) => Promise<Awaited<ReturnType<ValueStreamContract[M]>>>;

/** The steps of one stream, and the connection that it belongs to. */
export interface StreamHandle {
  readonly step: StreamStep;
  /** Gives up a stream, so that the main process keeps nothing of it. Never rejects: the main process may be what has failed. */
  cancel(stream: string): Promise<void>;
  readonly signal: AbortSignal;
}

export function createStreamHandle(client: Client, store: string): StreamHandle {
  const { signal } = client;
  const step: StreamStep = (method, ...args) => client.streamStep(signal, store, method, ...args);
  return { step, cancel: (stream) => step('leaveStream', stream).catch(() => {}), signal };
}
