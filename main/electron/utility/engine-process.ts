import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import { DiskCacheError, fromErrorData } from '../../../protocol/error.ts';
import type { DamageReport } from '../../damage/report.ts';
import { type Command, type EngineEvent, isEngineEvent, type RunningEvent } from './engine-messages.ts';

/** Milliseconds to wait before each start within a minute of previous ones. */
const RESTART_DELAYS_MS = [0, 250, 500, 1000];
const RESTART_WINDOW_MS = 60_000;

/** Decides when to restart a process that exited by itself: soon, then later, and finally never. */
export class RestartBackoff {
  #startedAt: number[] = [];

  /** Returns the milliseconds to wait from `now` (of a monotonic clock); undefined after four starts within the last minute. */
  nextDelay(now: number): number | undefined {
    this.#startedAt = this.#startedAt.filter((at) => now - at < RESTART_WINDOW_MS);
    const delay = RESTART_DELAYS_MS[this.#startedAt.length];
    if (delay !== undefined) this.#startedAt.push(now);
    return delay;
  }
}

/** Milliseconds a utility process has to close its stores. */
const CLOSE_TIMEOUT_MS = 5000;

/** The user of the process: sends it commands and receives its events. */
export interface ProcessListener {
  /** Returns the first command for a new process. */
  createOpenCommand(): Command;
  /** The process has opened its stores, and has received no other command yet. */
  onOpened(): void;
  /** The process has found a damaged store; also while it is opening its stores. */
  onDamaged(report: DamageReport): void;
  onEvent(event: RunningEvent): void;
  /** The process exited; its pending work is lost, and another process may follow. */
  onExit(code: number): void;
  /** Called once: no other process will be started. */
  onGivenUp(why: DiskCacheError): void;
}

/**
 * Keeps a utility process with open stores running, restarting it when it dies.
 *
 * Invariant: nothing is posted to a process that has exited, which crashes Electron 44.0 (electron 53923).
 */
export class EngineProcess {
  readonly #modulePath: string;
  readonly #listener: ProcessListener;
  readonly #backoff = new RestartBackoff();
  #running: UtilityProcess | undefined;
  /** The running process, while its stores are open. */
  #openProcess: UtilityProcess | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #endReason: DiskCacheError | undefined;
  /** Whether opening the stores has ever succeeded: a later failure may then be temporary. */
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
      // A kill before this point may have had no effect (electron 44009).
      if (this.#endReason) started.kill();
      else started.postMessage(this.#listener.createOpenCommand());
    });
    started.on('message', (message: unknown) => {
      if (isEngineEvent(message)) this.#receive(started, message);
    });
    // An error from which V8 can't continue; the exit follows.
    started.on('error', (type, location) => {
      this.#failure = new DiskCacheError('CLOSED', `The utility process ended by a ${type} at ${location}`);
    });
    started.once('exit', (code) => this.#handleExit(code));
  }

  /** Whether a process is ready to receive commands. */
  get isReady(): boolean {
    return this.#openProcess !== undefined;
  }

  /** @throws {DiskCacheError} the reason why no other process will be started. */
  assertAlive(): void {
    if (this.#endReason) throw this.#endReason;
  }

  /** Posts a command, with its ports, to the process if it is ready. */
  send(command: Command, ...ports: MessagePortMain[]): void {
    this.#openProcess?.postMessage(command, ports);
  }

  /** Resolves when the process has closed its stores and exited; after 5 s it is killed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#end(new DiskCacheError('CLOSED', 'The host was closed'));
    const running = this.#running;
    if (running === undefined) return;
    const exited = new Promise<void>((resolve) => {
      this.#resolveExit = resolve;
    });
    if (this.#openProcess) this.send({ type: 'close' });
    else running.kill();
    const killTimer = setTimeout(() => running.kill(), CLOSE_TIMEOUT_MS);
    await exited;
    clearTimeout(killTimer);
  }

  #receive(from: UtilityProcess, message: EngineEvent): void {
    if (message.event === 'failed') {
      this.#failure = fromErrorData(message.error);
      if (!this.#hasOpened) this.#end(this.#failure);
      from.kill();
    } else if (message.event === 'damaged') this.#listener.onDamaged(message.report);
    else if (message.event !== 'opened') this.#listener.onEvent(message);
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
    `The utility process crashed repeatedly, the last time with code ${code}; close the host and open it again`,
    cause && { cause },
  );
