import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import { DiskCacheError, fromErrorData, toErrorData } from '../../../protocol/error.ts';
import { valueFault } from '../../../protocol/value.ts';
import { goodbye } from '../../../protocol/wire.ts';
import type { OpenQueueOptions } from '../../offline/index.ts';
import type { End, EngineWindow, PageEngine, PageRights, PageSession } from '../page-engine.ts';
import { demandKeep, type Keep, type KeptWindow } from '../windows.ts';
import { type Asked, isReport, type NamedQueue, type Opening, type Order, type Report } from './orders.ts';
import { Restarts } from './restarts.ts';

/** Milliseconds a utility process has to close its stores. */
const GRACE = 5000;

/** A conversation that the utility process has, or will have when it runs. */
interface Talk {
  readonly order: Order;
  /** Its port, until it was handed over. */
  port: MessagePortMain | undefined;
  readonly onEnd: (how: End) => void;
}

interface Call {
  readonly asked: Asked;
  isSent: boolean;
  resolve(value: unknown): void;
  reject(error: DiskCacheError): void;
}

/**
 * The engine in a utility process, as the main process knows it: started, told what to answer whom, and started again when it has
 * died. Ports are handed over, and main is in no call afterwards.
 *
 * Invariants: nothing is posted to a process that has exited, which takes Electron 44.0 down (electron 53923); what is asked for
 * while none runs waits for the next; every call settles and every session hears of its end.
 */
export class UtilityEngine implements PageEngine {
  readonly #modulePath: string;
  readonly #opening: Opening;
  readonly #restarts = new Restarts();
  readonly #windows = new Map<number, KeptWindow>();
  readonly #queues = new Map<string, NamedQueue>();
  readonly #talks = new Map<number, Talk>();
  readonly #calls = new Map<number, Call>();
  #lastId = 0;
  #process: UtilityProcess | undefined;
  /** The process, while it has open stores. */
  #ready: UtilityProcess | undefined;
  #restarting: NodeJS.Timeout | undefined;
  /** Why there will be no other process. */
  #over: DiskCacheError | undefined;
  /** Whether stores could be opened once: what fails then may be otherwise in a moment. */
  #hasOpened = false;
  #failure: DiskCacheError | undefined;
  #onOpened: (() => void) | undefined;
  #onOver: ((why: DiskCacheError) => void) | undefined;
  #onExit: (() => void) | undefined;

  /**
   * Starts the process and waits until its stores are open.
   *
   * @throws {DiskCacheError} what opening them throws; `CLOSED` when the process dies over and over.
   */
  static async open(modulePath: string, opening: Opening): Promise<UtilityEngine> {
    const engine = new UtilityEngine(modulePath, opening);
    await new Promise<void>((resolve, reject) => {
      engine.#onOpened = resolve;
      engine.#onOver = reject;
      engine.#start();
    });
    return engine;
  }

  private constructor(modulePath: string, opening: Opening) {
    this.#modulePath = modulePath;
    this.#opening = opening;
  }

  attach(name: string, keep: Keep): EngineWindow {
    demandKeep(keep);
    const window = ++this.#lastId;
    const kept = { name, keep };
    this.#windows.set(window, kept);
    this.#tell({ order: 'attach', window, kept });
    return {
      openSession: (port, rights, onEnd) => this.#openSession(port, rights, onEnd, window),
      release: () => {
        if (this.#windows.delete(window)) this.#tell({ order: 'release', window });
      },
    };
  }

  /** A session of the main process' own, without a window. */
  openSession(port: MessagePortMain, rights: PageRights, onEnd: (how: End) => void): PageSession {
    return this.#openSession(port, rights, onEnd, undefined);
  }

  /** Lets pages call a queue, now and when the process was started again. */
  openQueue(name: string, options: OpenQueueOptions | undefined): void {
    if (this.#queues.has(name)) return;
    const queue = { name, options };
    this.#queues.set(name, queue);
    this.#tell({ order: 'openQueue', queue });
  }

  /**
   * Asks the process, or the next one.
   *
   * @throws {DiskCacheError} `DISCONNECTED` when it died before it answered, `CLOSED`, else what it answers with.
   */
  async ask(asked: Asked): Promise<unknown> {
    if (this.#over) throw this.#over;
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const call: Call = { asked, isSent: false, resolve, reject };
      this.#calls.set(id, call);
      if (this.#ready) this.#send(id, call);
    });
  }

  /** Resolves when the process has closed its stores and is gone. */
  async close(): Promise<void> {
    this.#end(new DiskCacheError('CLOSED', 'The host was closed'));
    const running = this.#process;
    if (running === undefined) return;
    const gone = new Promise<void>((resolve) => {
      this.#onExit = resolve;
    });
    if (this.#ready) this.#ready.postMessage({ order: 'close' } satisfies Order);
    else running.kill();
    const late = setTimeout(() => running.kill(), GRACE);
    await gone;
    clearTimeout(late);
  }

  #openSession(
    port: MessagePortMain,
    rights: PageRights,
    onEnd: (how: End) => void,
    window: number | undefined,
  ): PageSession {
    if (this.#over) throw this.#over;
    const fault = valueFault(rights.grant, 'grant');
    if (fault !== undefined)
      throw new DiskCacheError('BAD_OPTION', `authorize(frame): ${fault}; a grant is plain data`);
    const id = ++this.#lastId;
    const talk: Talk = { order: { order: 'session', id, window, rights }, port, onEnd };
    this.#talks.set(id, talk);
    if (this.#ready) this.#handOver(talk);
    return {
      close: (reason) => {
        if (!this.#talks.delete(id)) return;
        if (talk.port) farewell(talk.port, reason);
        else this.#tell({ order: 'end', id, reason: toErrorData(reason) });
      },
    };
  }

  #start(): void {
    const started = utilityProcess.fork(this.#modulePath, [], { serviceName: 'deskcache' });
    this.#process = started;
    started.once('spawn', () => {
      const attached = [...this.#windows.values()];
      started.postMessage({ order: 'open', opening: this.#opening, attached } satisfies Order);
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

  #hear(from: UtilityProcess, message: Report): void {
    switch (message.report) {
      case 'opened':
        this.#opened(from);
        break;
      case 'failed':
        this.#failure = fromErrorData(message.error);
        if (!this.#hasOpened) this.#end(this.#failure);
        from.kill();
        break;
      case 'ended': {
        const talk = this.#talks.get(message.id);
        this.#talks.delete(message.id);
        talk?.onEnd('closed');
        break;
      }
      case 'answer': {
        const call = this.#calls.get(message.id);
        this.#calls.delete(message.id);
        if ('error' in message.outcome) call?.reject(fromErrorData(message.outcome.error));
        else call?.resolve(message.outcome.value);
      }
    }
  }

  #opened(running: UtilityProcess): void {
    if (this.#over) return;
    this.#ready = running;
    this.#hasOpened = true;
    this.#failure = undefined;
    for (const [window, kept] of this.#windows) this.#tell({ order: 'attach', window, kept });
    for (const queue of this.#queues.values()) this.#tell({ order: 'openQueue', queue });
    for (const [id, call] of this.#calls) this.#send(id, call);
    for (const talk of this.#talks.values()) this.#handOver(talk);
    this.#onOpened?.();
  }

  /** What the process had under way is lost; what waits goes to the next. */
  #exited(code: number): void {
    this.#process = undefined;
    this.#ready = undefined;
    for (const [id, { port, onEnd }] of this.#talks) {
      if (port !== undefined) continue;
      this.#talks.delete(id);
      onEnd('died');
    }
    for (const [id, { isSent, reject }] of this.#calls) {
      if (!isSent) continue;
      this.#calls.delete(id);
      reject(new DiskCacheError('DISCONNECTED', `The utility process ended with code ${code} before it answered`));
    }
    this.#onExit?.();
    if (this.#over) return;
    const delay = this.#restarts.next(performance.now());
    if (delay !== undefined) this.#restarting = setTimeout(() => this.#start(), delay);
    else this.#end(tooOften(code, this.#failure));
  }

  #end(why: DiskCacheError): void {
    if (this.#over) return;
    this.#over = why;
    clearTimeout(this.#restarting);
    for (const [id, { port, onEnd }] of this.#talks) {
      if (port === undefined) continue;
      this.#talks.delete(id);
      farewell(port, why);
      onEnd('closed');
    }
    for (const [id, { isSent, reject }] of this.#calls) {
      if (isSent) continue;
      this.#calls.delete(id);
      reject(why);
    }
    this.#onOver?.(why);
  }

  #handOver(talk: Talk): void {
    if (talk.port) this.#ready?.postMessage(talk.order, [talk.port]);
    talk.port = undefined;
  }

  #send(id: number, call: Call): void {
    call.isSent = true;
    this.#tell({ order: 'call', id, asked: call.asked });
  }

  /** To the process that runs; the next one is told everything anew. */
  #tell(order: Order): void {
    this.#ready?.postMessage(order);
  }
}

function farewell(port: MessagePortMain, reason: DiskCacheError): void {
  port.postMessage(goodbye(toErrorData(reason)));
  port.close();
}

const tooOften = (code: number, cause: DiskCacheError | undefined) =>
  new DiskCacheError(
    'CLOSED',
    `The utility process ended again and again, the last time with code ${code}; restart the application`,
    cause && { cause },
  );
