import type { MessagePortMain } from 'electron';
import { DiskCacheError, fromErrorData, toErrorData } from '../../../protocol/error.ts';
import { toPageErrorData } from '../../../protocol/hidden-paths.ts';
import { valueFault } from '../../../protocol/value.ts';
import { goodbye } from '../../../protocol/wire.ts';
import type { OpenQueueOptions } from '../../offline/index.ts';
import type { End, EngineWindow, PageEngine, PageRights, PageSession } from '../page-engine.ts';
import { demandKeep, type Keep, type KeptWindow } from '../windows.ts';
import { EngineProcess } from './engine-process.ts';
import type { Asked, Happening, NamedQueue, Opening, Order } from './orders.ts';

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
 * The engine in a utility process, as the main process knows it: told what to answer whom. Ports are handed over, and main is in no
 * call afterwards. What is asked for while no process runs waits for the next.
 *
 * Invariant: every call settles, and every session hears of its end.
 */
export class UtilityEngine implements PageEngine {
  readonly #process: EngineProcess;
  readonly #windows = new Map<number, KeptWindow>();
  /** Those that the process, when it opened the stores, was told to leave alone. */
  #spared: ReadonlyMap<number, KeptWindow> = new Map();
  readonly #queues = new Map<string, NamedQueue>();
  readonly #talks = new Map<number, Talk>();
  readonly #calls = new Map<number, Call>();
  #lastId = 0;

  /**
   * Starts the process and waits until its stores are open.
   *
   * @throws {DiskCacheError} what opening them throws; `CLOSED` when the process dies over and over.
   */
  static open(modulePath: string, opening: Opening): Promise<UtilityEngine> {
    return new Promise((resolve, reject) => {
      const engine = new UtilityEngine(modulePath, opening, () => resolve(engine), reject);
      engine.#process.start();
    });
  }

  private constructor(
    modulePath: string,
    opening: Opening,
    onOpened: () => void,
    onOver: (why: DiskCacheError) => void,
  ) {
    this.#process = new EngineProcess(modulePath, {
      first: () => {
        this.#spared = new Map(this.#windows);
        return { order: 'open', opening, attached: [...this.#spared.values()] };
      },
      onOpened: () => {
        this.#tellAnew();
        onOpened();
      },
      onReport: (report) => this.#hear(report),
      onExit: (code) => this.#lose(code),
      onOver: (why) => {
        this.#giveUp(why);
        onOver(why);
      },
    });
  }

  attach(name: string, keep: Keep): EngineWindow {
    demandKeep(keep);
    const window = ++this.#lastId;
    const kept = { name, keep };
    this.#windows.set(window, kept);
    this.#process.tell({ order: 'attach', window, kept });
    return {
      openSession: (port, rights, onEnd) => this.#openSession(port, rights, onEnd, window),
      release: () => {
        if (this.#windows.delete(window)) this.#process.tell({ order: 'release', window });
      },
    };
  }

  /** A session of the main process' own, without a window. */
  openSession(port: MessagePortMain, rights: PageRights, onEnd: (how: End) => void): PageSession {
    return this.#openSession(port, rights, onEnd, undefined);
  }

  /** Lets pages call a queue, also when the process was started again. */
  openQueue(name: string, options: OpenQueueOptions | undefined): void {
    if (this.#queues.has(name)) return;
    const queue = { name, options };
    this.#queues.set(name, queue);
    this.#process.tell({ order: 'openQueue', queue });
  }

  /**
   * Asks the process, or the next one.
   *
   * @throws {DiskCacheError} `DISCONNECTED` when it died before it answered, `CLOSED`, else what it answers with.
   */
  async ask(asked: Asked): Promise<unknown> {
    this.#process.demandLife();
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const call: Call = { asked, isSent: false, resolve, reject };
      this.#calls.set(id, call);
      if (this.#process.isReady) this.#send(id, call);
    });
  }

  /** Resolves when the process has closed its stores and is gone. */
  close(): Promise<void> {
    return this.#process.close();
  }

  #openSession(
    port: MessagePortMain,
    rights: PageRights,
    onEnd: (how: End) => void,
    window: number | undefined,
  ): PageSession {
    this.#process.demandLife();
    const fault = valueFault(rights.grant, 'grant');
    if (fault !== undefined)
      throw new DiskCacheError('BAD_OPTION', `authorize(frame): ${fault}; a grant is plain data`);
    const id = ++this.#lastId;
    // What was written is counted there.
    const { principal: _, ...sent } = rights;
    const talk: Talk = { order: { order: 'session', id, window, rights: sent }, port, onEnd };
    this.#talks.set(id, talk);
    if (this.#process.isReady) this.#handOver(talk);
    return {
      close: (reason) => {
        if (!this.#talks.delete(id)) return;
        if (talk.port) farewell(talk.port, reason);
        else this.#process.tell({ order: 'end', id, reason: toErrorData(reason) });
      },
    };
  }

  /** A process has just opened its stores and knows nothing else. */
  #tellAnew(): void {
    // What windows kept that were closed meanwhile goes with them now.
    const closed = [...this.#spared].filter(([window]) => !this.#windows.has(window));
    for (const [window, kept] of [...this.#windows, ...closed]) this.#process.tell({ order: 'attach', window, kept });
    for (const [window] of closed) this.#process.tell({ order: 'release', window });
    for (const queue of this.#queues.values()) this.#process.tell({ order: 'openQueue', queue });
    for (const [id, call] of this.#calls) this.#send(id, call);
    for (const talk of this.#talks.values()) this.#handOver(talk);
  }

  #hear(report: Happening): void {
    if (report.report === 'ended') {
      const talk = this.#talks.get(report.id);
      this.#talks.delete(report.id);
      talk?.onEnd('closed');
      return;
    }
    const call = this.#calls.get(report.id);
    this.#calls.delete(report.id);
    if ('error' in report.outcome) call?.reject(fromErrorData(report.outcome.error));
    else call?.resolve(report.outcome.value);
  }

  /** What the process had under way is lost with it. */
  #lose(code: number): void {
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
  }

  /** What has waited for another process waits in vain. */
  #giveUp(why: DiskCacheError): void {
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
  }

  #handOver(talk: Talk): void {
    if (talk.port) this.#process.tell(talk.order, talk.port);
    talk.port = undefined;
  }

  #send(id: number, call: Call): void {
    call.isSent = true;
    this.#process.tell({ order: 'call', id, asked: call.asked });
  }
}

function farewell(port: MessagePortMain, reason: DiskCacheError): void {
  port.postMessage(goodbye(toPageErrorData(reason)));
  port.close();
}
