import type { Access } from '../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { ValueStreamContract } from '../../protocol/value-stream.ts';
import { PARCEL, PARCELS_UNDER_WAY } from '../../protocol/wire.ts';
import { Line, type Port } from './line.ts';
import { Listeners } from './listeners.ts';
import { type Instead, Parcel, weightOfCall } from './parcel.ts';
import { StoreOrder } from './store-order.ts';

/** Gets a port to the main process; `signal` tells it to give up. */
export type Connect = (signal: AbortSignal) => Promise<Port>;

/** Of the time-out: who connects knows why nobody answers, and says so before the calls that wait for it are too late. */
const PATIENCE_WITH_HANDSHAKE = 0.9;

/**
 * Carries calls to the main process: those of one turn together, over one line that is opened by the first call and
 * opened again by the first call after it was cut. So much is under way and no more; what is more waits here. What only reads is sent
 * once more when its line was cut without a word; a write may have been made, so it rejects.
 *
 * Invariant: every call settles, at the latest when the main process has answered nothing for `timeout` milliseconds.
 */
export class Client {
  readonly listeners: Listeners;
  readonly #connect: Connect;
  readonly #timeout: number;
  #turn: Parcel[] = [];
  /** Not sent yet, in order. */
  #waiting: Parcel[] = [];
  readonly #sent = new Set<Parcel>();
  #operations = 0;
  #bytes = 0;
  #line: Promise<Line> | undefined;
  #answeredAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #order = new StoreOrder();
  #connection = new AbortController();

  constructor(connect: Connect, timeout: number) {
    this.#connect = connect;
    // 23 days: a timer of 2^31 ms or more would fire at once.
    this.#timeout = Math.min(timeout, 2e9);
    this.listeners = new Listeners(
      () => this.#connected(),
      () => this.#waiting.length > 0 && this.#sendAll(),
    );
  }

  /** Joins this turn's message. `access` is what the method's signature says of it. */
  call(
    store: string,
    method: string,
    args: readonly unknown[],
    access: Access = 'admin',
    tooLarge?: Instead,
  ): Promise<unknown> {
    return this.#order.enter(store, () => this.#join(store, method, args, access === 'read', false, tooLarge));
  }

  /** As `call`, by who holds the store. */
  callNow(store: string, method: string, args: readonly unknown[]): Promise<unknown> {
    return this.#join(store, method, args, false, false);
  }

  /** What streams belong to: aborted when the connection has ended. */
  get connection(): AbortSignal {
    return this.#connection.signal;
  }

  /** A step of a value that travels as a stream, in a message of its own: nobody else has to wait for its answer. */
  streamStep<M extends keyof ValueStreamContract>(
    connection: AbortSignal,
    store: string,
    method: M,
    ...args: Parameters<ValueStreamContract[M]>
  ): Promise<Awaited<ReturnType<ValueStreamContract[M]>>> {
    if (connection.aborted) return Promise.reject(connection.reason);
    const isAlone = true;
    return this.#join(store, method, args, false, isAlone) as Promise<Awaited<ReturnType<ValueStreamContract[M]>>>;
  }

  /** Calls on the store that are made from now on wait until `work` has settled, which begins when it is its turn. */
  hold<T>(store: string, work: () => Promise<T>): Promise<T> {
    return this.#order.enter(store, work, true);
  }

  #join(
    store: string,
    method: string,
    args: readonly unknown[],
    isRead: boolean,
    isAlone: boolean,
    tooLarge?: Instead,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const weight = weightOfCall(store, args);
      if (this.#turn.length === 0) queueMicrotask(() => this.#depart());
      let parcel = this.#turn.at(-1);
      if (isAlone || !parcel?.hasRoomFor(weight)) {
        parcel = new Parcel(isAlone);
        this.#turn.push(parcel);
      }
      parcel.add([store, method, ...args], { isRead, tooLarge, resolve, reject }, weight);
    });
  }

  /** Rejects everything open with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#order.clear(reason);
    this.#line?.then((line) => line.close()).catch(() => {});
    this.#forget();
    this.listeners.disconnected();
    for (const parcel of this.#turn.splice(0)) parcel.reject(reason);
    this.#rejectAll(reason);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #depart(): void {
    if (this.#turn.length === 0) return;
    if (this.#sent.size === 0 && this.#waiting.length === 0) this.#answeredAt = performance.now();
    this.#waiting.push(...this.#turn);
    this.#turn = [];
    this.#timer ??= setTimeout(this.#look, this.#timeout);
    this.#sendAll();
  }

  #sendAll(): void {
    const connected = this.#connected();
    connected.then(
      (line) => {
        if (this.#line === connected) this.#send(line);
      },
      // What waits may be for another line: of this one nobody wants anything after a `disconnect`.
      (error: unknown) => {
        if (this.#line === undefined) this.#rejectAll(error);
      },
    );
  }

  #send(line: Line): void {
    if (this.listeners.isLoading) return;
    for (let next = this.#waiting[0]; next !== undefined && this.#hasRoomFor(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      void this.#travel(line, next);
    }
  }

  #hasRoomFor({ calls, bytes }: Parcel): boolean {
    if (this.#sent.size === 0) return true;
    return (
      this.#operations + calls.length <= PARCELS_UNDER_WAY * PARCEL.operations &&
      this.#bytes + bytes <= PARCELS_UNDER_WAY * PARCEL.bytes
    );
  }

  async #travel(line: Line, parcel: Parcel): Promise<void> {
    this.#sent.add(parcel);
    this.#operations += parcel.calls.length;
    this.#bytes += parcel.bytes;
    try {
      parcel.settle(await line.run(parcel.operations));
    } catch (error) {
      parcel.reject(error);
    }
    this.#answeredAt = performance.now();
    this.#arrived(parcel);
    if (this.#waiting.length > 0) this.#send(line);
  }

  #arrived(parcel: Parcel): void {
    if (!this.#sent.delete(parcel)) return;
    this.#operations -= parcel.calls.length;
    this.#bytes -= parcel.bytes;
  }

  #connected(): Promise<Line> {
    if (this.#line !== undefined) return this.#line;
    const patience = Math.ceil(this.#timeout * PATIENCE_WITH_HANDSHAKE);
    const connecting = this.#connect(AbortSignal.timeout(patience)).then((port) => {
      const line = new Line(port, {
        onEnd: (reason, wasCut) => this.#lost(connecting, reason, wasCut),
        onNews: (message) => this.listeners.receive(message),
      });
      if (this.#line === connecting) this.listeners.resume(line);
      return line;
    });
    this.#line = connecting;
    connecting.catch(() => {
      if (this.#line === connecting) this.#line = undefined;
    });
    return connecting;
  }

  #lost(line: Promise<Line>, reason: DiskCacheError, wasCut: boolean): void {
    if (this.#line !== line) return;
    this.#forget();
    const again = wasCut ? this.#takeRepeatable() : [];
    this.#rejectAll(reason);
    if (again.length > 0) {
      this.#waiting.push(...again);
      this.#sendAll();
    }
    this.listeners.reconnect();
  }

  /** Takes out what may be sent once more, for it only reads. */
  #takeRepeatable(): Parcel[] {
    const repeatable = [...this.#sent, ...this.#waiting].filter((parcel) => parcel.isRepeatable);
    this.#waiting = this.#waiting.filter((parcel) => !repeatable.includes(parcel));
    for (const parcel of repeatable) {
      parcel.isAgain = true;
      this.#arrived(parcel);
    }
    return repeatable;
  }

  /** The line, and what ends with it. */
  #forget(): void {
    this.#line = undefined;
    const why = 'The connection has ended, and the stream with it';
    this.#connection.abort(new DiskCacheError('DISCONNECTED', why));
    this.#connection = new AbortController();
    this.listeners.interrupted();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#sent.size === 0 && this.#waiting.length === 0) return;
    const left = this.#answeredAt + this.#timeout - performance.now();
    if (left > 0) this.#timer = setTimeout(this.#look, left);
    else this.#rejectAll(this.#tooLate());
  };

  #rejectAll(reason: unknown): void {
    const parcels = [...this.#sent, ...this.#waiting.splice(0)];
    for (const parcel of parcels) {
      parcel.reject(reason);
      this.#arrived(parcel);
    }
  }

  #tooLate(): DiskCacheError {
    return new DiskCacheError(
      'TIMEOUT',
      `The main process did not answer within ${this.#timeout} ms; a write may have been made or not`,
    );
  }
}
