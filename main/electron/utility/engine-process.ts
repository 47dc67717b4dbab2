import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import { DiskCacheError, fromErrorData } from '../../../protocol/error.ts';
import { type Happening, isReport, type Order, type Report } from './orders.ts';
import { Restarts } from './restarts.ts';

/** Milliseconds a utility process has to close its stores. */
const GRACE = 5000;

/** Who has something to say to the process, and hears of it. */
export interface ProcessListener {
  /** The order that a process is given first. */
  first(): Order;
  /** Its stores are open, and it has been told nothing else. */
  onOpened(): void;
  onReport(report: Happening): void;
  /** What it had under way is lost; another may follow. */
  onExit(code: number): void;
  /** Once: there will be no other. */
  onOver(why: DiskCacheError): void;
}

/**
 * Keeps a utility process with open stores running: started, and started again when it has died.
 *
 * Invariant: nothing is posted to a process that has exited, which takes Electron 44.0 down (electron 53923).
 */
export class EngineProcess {
  readonly #modulePath: string;
  readonly #listener: ProcessListener;
  readonly #restarts = new Restarts();
  #running: UtilityProcess | undefined;
  /** The same, while its stores are open. */
  #ready: UtilityProcess | undefined;
  #restarting: NodeJS.Timeout | undefined;
  #over: DiskCacheError | undefined;
  /** Whether stores could be opened once: what fails then may be otherwise in a moment. */
  #hasOpened = false;
  #failure: DiskCacheError | undefined;
  #closing: Promise<void> | undefined;
  #onExit: (() => void) | undefined;

  constructor(modulePath: string, listener: ProcessListener) {
    this.#modulePath = modulePath;
    this.#listener = listener;
  }

  start(): void {
    const started = utilityProcess.fork(this.#modulePath, [], { serviceName: 'deskcache' });
    this.#running = started;
    started.once('spawn', () => {
      // A kill before that may have done nothing (electron 44009).
      if (this.#over) started.kill();
      else started.postMessage(this.#listener.first());
    });
    started.on('message', (message: unknown) => {
      if (isReport(message)) this.#hear(started, message);
    });
    // What V8 could not go on after; the exit follows.
    started.on('error', (type, location) => {
      this.#failure = new DiskCacheError('CLOSED', `The utility process ended by a ${type} at ${location}`);
    });
    started.once('exit', (code) => this.#exited(code));
  }

  /** Whether there is one that can be told something. */
  get isReady(): boolean {
    return this.#ready !== undefined;
  }

  /** @throws {DiskCacheError} why there will be no other process. */
  demandLife(): void {
    if (this.#over) throw this.#over;
  }

  /** To the process, if it is ready; a port goes with it. */
  tell(order: Order, ...ports: MessagePortMain[]): void {
    this.#ready?.postMessage(order, ports);
  }

  /** Resolves when the process has closed its stores and is gone; after 5 s it is killed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#end(new DiskCacheError('CLOSED', 'The host was closed'));
    const running = this.#running;
    if (running === undefined) return;
    const gone = new Promise<void>((resolve) => {
      this.#onExit = resolve;
    });
    if (this.#ready) this.tell({ order: 'close' });
    else running.kill();
    const late = setTimeout(() => running.kill(), GRACE);
    await gone;
    clearTimeout(late);
  }

  #hear(from: UtilityProcess, message: Report): void {
    if (message.report === 'failed') {
      this.#failure = fromErrorData(message.error);
      if (!this.#hasOpened) this.#end(this.#failure);
      from.kill();
    } else if (message.report !== 'opened') this.#listener.onReport(message);
    else if (this.#over === undefined) {
      this.#ready = from;
      this.#hasOpened = true;
      this.#failure = undefined;
      this.#listener.onOpened();
    }
  }

  #exited(code: number): void {
    this.#running = undefined;
    this.#ready = undefined;
    this.#listener.onExit(code);
    this.#onExit?.();
    if (this.#over) return;
    const delay = this.#restarts.next(performance.now());
    const what = delay === undefined ? 'there will be no other' : 'another one is started';
    process.emitWarning(`The utility process of deskcache ended with code ${code}; ${what}`);
    if (delay !== undefined) this.#restarting = setTimeout(() => this.start(), delay);
    else this.#end(tooOften(code, this.#failure));
  }

  #end(why: DiskCacheError): void {
    if (this.#over) return;
    this.#over = why;
    clearTimeout(this.#restarting);
    this.#listener.onOver(why);
  }
}

const tooOften = (code: number, cause: DiskCacheError | undefined) =>
  new DiskCacheError(
    'CLOSED',
    `The utility process ended again and again, the last time with code ${code}; close the host and open it anew`,
    cause && { cause },
  );
