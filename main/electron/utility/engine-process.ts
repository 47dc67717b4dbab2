import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import { DiskCacheError, fromErrorData } from '../../../protocol/error.ts';
import { type Command, type EngineEvent, isEngineEvent, type RunningEvent } from './engine-messages.ts';

/** Milliseconds to wait before each start within a minute of others. */
const RESTART_DELAYS_MS = [0, 250, 500, 1000];
const RESTART_WINDOW_MS = 60_000;

/** When to start again what has ended by itself: soon, then later, and not for ever. */
export class RestartBackoff {
  #startedAt: number[] = [];

  /** Milliseconds to wait from `now` (of a monotonic clock); undefined when four starts of the last minute came to nothing. */
  nextDelay(now: number): number | undefined {
    this.#startedAt = this.#startedAt.filter((at) => now - at < RESTART_WINDOW_MS);
    const delay = RESTART_DELAYS_MS[this.#startedAt.length];
    if (delay !== undefined) this.#startedAt.push(now);
    return delay;
  }
}

/** Milliseconds a utility process has to close its stores. */
const CLOSE_TIMEOUT_MS = 5000;

/** Who has something to say to the process, and hears of it. */
export interface ProcessListener {
  /** The order that a process is given first. */
  createOpenCommand(): Command;
  /** Its stores are open, and it has been told nothing else. */
  onOpened(): void;
  onEvent(report: RunningEvent): void;
  /** What it had under way is lost; another may follow. */
  onExit(code: number): void;
  /** Once: there will be no other. */
  onGivenUp(why: DiskCacheError): void;
}

/**
 * Keeps a utility process with open stores running: started, and started again when it has died.
 *
 * Invariant: nothing is posted to a process that has exited, which takes Electron 44.0 down (electron 53923).
 */
export class EngineProcess {
  readonly #modulePath: string;
  readonly #listener: ProcessListener;
  readonly #backoff = new RestartBackoff();
  #running: UtilityProcess | undefined;
  /** The same, while its stores are open. */
  #openProcess: UtilityProcess | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #endReason: DiskCacheError | undefined;
  /** Whether stores could be opened once: what fails then may be otherwise in a moment. */
  #hasOpened = false;
  #failure: DiskCacheError | undefined;
  #closing: Promise<void> | undefined;
  #resolveExit: (() => void) | undefined;

  constructor(modulePath: string, listener: ProcessListener) {
    this.#modulePath = modulePath;
    this.#listener = listener;
  }

  start(): void {
    const started = utilityProcess.fork(this.#modulePath, [], { serviceName: 'deskcache' });
    this.#running = started;
    started.once('spawn', () => {
      // A kill before that may have done nothing (electron 44009).
      if (this.#endReason) started.kill();
      else started.postMessage(this.#listener.createOpenCommand());
    });
    started.on('message', (message: unknown) => {
      if (isEngineEvent(message)) this.#receive(started, message);
    });
    // What V8 could not go on after; the exit follows.
    started.on('error', (type, location) => {
      this.#failure = new DiskCacheError('CLOSED', `The utility process ended by a ${type} at ${location}`);
    });
    started.once('exit', (code) => this.#handleExit(code));
  }

  /** Whether there is one that can be told something. */
  get isReady(): boolean {
    return this.#openProcess !== undefined;
  }

  /** @throws {DiskCacheError} why there will be no other process. */
  assertAlive(): void {
    if (this.#endReason) throw this.#endReason;
  }

  /** To the process, if it is ready; a port goes with it. */
  send(order: Command, ...ports: MessagePortMain[]): void {
    this.#openProcess?.postMessage(order, ports);
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
      this.#resolveExit = resolve;
    });
    if (this.#openProcess) this.send({ order: 'close' });
    else running.kill();
    const late = setTimeout(() => running.kill(), CLOSE_TIMEOUT_MS);
    await gone;
    clearTimeout(late);
  }

  #receive(from: UtilityProcess, message: EngineEvent): void {
    if (message.event === 'failed') {
      this.#failure = fromErrorData(message.error);
      if (!this.#hasOpened) this.#end(this.#failure);
      from.kill();
    } else if (message.event !== 'opened') this.#listener.onEvent(message);
    else if (this.#endReason === undefined) {
      this.#openProcess = from;
      this.#hasOpened = true;
      this.#failure = undefined;
      this.#listener.onOpened();
    }
  }

  #handleExit(code: number): void {
    this.#running = undefined;
    this.#openProcess = undefined;
    this.#listener.onExit(code);
    this.#resolveExit?.();
    if (this.#endReason) return;
    const delay = this.#backoff.nextDelay(performance.now());
    const what = delay === undefined ? 'there will be no other' : 'another one is started';
    process.emitWarning(`The utility process of deskcache ended with code ${code}; ${what}`);
    if (delay !== undefined) this.#restartTimer = setTimeout(() => this.start(), delay);
    else this.#end(crashedTooOften(code, this.#failure));
  }

  #end(why: DiskCacheError): void {
    if (this.#endReason) return;
    this.#endReason = why;
    clearTimeout(this.#restartTimer);
    this.#listener.onGivenUp(why);
  }
}

const crashedTooOften = (code: number, cause: DiskCacheError | undefined) =>
  new DiskCacheError(
    'CLOSED',
    `The utility process ended again and again, the last time with code ${code}; close the host and open it anew`,
    cause && { cause },
  );
