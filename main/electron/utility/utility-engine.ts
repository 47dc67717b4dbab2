import type { MessagePortMain } from 'electron';
import { findValueFault } from '../../../protocol/clone-check.ts';
import { DiskCacheError, fromErrorData, toErrorData } from '../../../protocol/error.ts';
import { toPageErrorData } from '../../../protocol/redaction.ts';
import { createGoodbye } from '../../../protocol/wire.ts';
import type { OpenQueueOptions } from '../../offline/index.ts';
import type { ClosableSession, EndReason, EngineEndpoint, SessionRights, WindowEndpoint } from '../engine-endpoint.ts';
import { assertLifetime, type Lifetime, type WindowStoreId } from '../window-stores.ts';
import type { Command, NamedQueue, OpenCommand, Query, RunningEvent } from './engine-messages.ts';
import { EngineProcess } from './engine-process.ts';

/** A conversation that the utility process has, or will have when it runs. */
interface PendingSession {
  readonly command: Command;
  /** Its port, until it was handed over. */
  port: MessagePortMain | undefined;
  readonly onEnd: (how: EndReason) => void;
}

interface PendingQuery {
  readonly query: Query;
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
export class UtilityEngine implements EngineEndpoint {
  readonly #process: EngineProcess;
  readonly #windows = new Map<number, WindowStoreId>();
  /** Those that the process, when it opened the stores, was told to leave alone. */
  #windowsAtOpen: ReadonlyMap<number, WindowStoreId> = new Map();
  readonly #queues = new Map<string, NamedQueue>();
  readonly #sessions = new Map<number, PendingSession>();
  readonly #queries = new Map<number, PendingQuery>();
  #lastId = 0;

  /**
   * Starts the process and waits until its stores are open.
   *
   * @throws {DiskCacheError} what opening them throws; `CLOSED` when the process dies over and over.
   */
  static open(modulePath: string, opening: OpenCommand): Promise<UtilityEngine> {
    return new Promise((resolve, reject) => {
      const engine = new UtilityEngine(modulePath, opening, () => resolve(engine), reject);
      engine.#process.start();
    });
  }

  private constructor(
    modulePath: string,
    opening: OpenCommand,
    onOpened: () => void,
    onOver: (why: DiskCacheError) => void,
  ) {
    this.#process = new EngineProcess(modulePath, {
      createOpenCommand: () => {
        this.#windowsAtOpen = new Map(this.#windows);
        return { order: 'open', opening, attached: [...this.#windowsAtOpen.values()] };
      },
      onOpened: () => {
        this.#restoreState();
        onOpened();
      },
      onEvent: (report) => this.#receive(report),
      onExit: (code) => this.#dropInFlight(code),
      onGivenUp: (why) => {
        this.#rejectWaiting(why);
        onOver(why);
      },
    });
  }

  attach(name: string, lifetime: Lifetime): WindowEndpoint {
    assertLifetime(lifetime);
    const window = ++this.#lastId;
    const kept = { name, lifetime };
    this.#windows.set(window, kept);
    this.#process.send({ order: 'attach', window, kept });
    return {
      openSession: (port, rights, onEnd) => this.#openSession(port, rights, onEnd, window),
      release: () => {
        if (this.#windows.delete(window)) this.#process.send({ order: 'release', window });
      },
    };
  }

  /** A session of the main process' own, without a window. */
  openSession(port: MessagePortMain, rights: SessionRights, onEnd: (how: EndReason) => void): ClosableSession {
    return this.#openSession(port, rights, onEnd, undefined);
  }

  /** Lets pages call a queue, also when the process was started again. */
  openQueue(name: string, options: OpenQueueOptions | undefined): void {
    if (this.#queues.has(name)) return;
    const queue = { name, options };
    this.#queues.set(name, queue);
    this.#process.send({ order: 'openQueue', queue });
  }

  /**
   * Asks the process, or the next one.
   *
   * @throws {DiskCacheError} `DISCONNECTED` when it died before it answered, `CLOSED`, else what it answers with.
   */
  async query(query: Query): Promise<unknown> {
    this.#process.assertAlive();
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const call: PendingQuery = { query, isSent: false, resolve, reject };
      this.#queries.set(id, call);
      if (this.#process.isReady) this.#sendQuery(id, call);
    });
  }

  /** Resolves when the process has closed its stores and is gone. */
  close(): Promise<void> {
    return this.#process.close();
  }

  #openSession(
    port: MessagePortMain,
    rights: SessionRights,
    onEnd: (how: EndReason) => void,
    window: number | undefined,
  ): ClosableSession {
    this.#process.assertAlive();
    const fault = findValueFault(rights.grant, 'grant');
    if (fault !== undefined)
      throw new DiskCacheError('BAD_OPTION', `authorize(frame): ${fault}; a grant is plain data`);
    const id = ++this.#lastId;
    // What was written is counted there.
    const { principal: _, ...sent } = rights;
    const talk: PendingSession = { command: { order: 'session', id, window, rights: sent }, port, onEnd };
    this.#sessions.set(id, talk);
    if (this.#process.isReady) this.#sendPort(talk);
    return {
      close: (reason) => {
        if (!this.#sessions.delete(id)) return;
        if (talk.port) closePort(talk.port, reason);
        else this.#process.send({ order: 'end', id, reason: toErrorData(reason) });
      },
    };
  }

  /** A process has just opened its stores and knows nothing else. */
  #restoreState(): void {
    // What windows kept that were closed meanwhile goes with them now.
    const closed = [...this.#windowsAtOpen].filter(([window]) => !this.#windows.has(window));
    for (const [window, kept] of [...this.#windows, ...closed]) this.#process.send({ order: 'attach', window, kept });
    for (const [window] of closed) this.#process.send({ order: 'release', window });
    for (const queue of this.#queues.values()) this.#process.send({ order: 'openQueue', queue });
    for (const [id, call] of this.#queries) this.#sendQuery(id, call);
    for (const talk of this.#sessions.values()) this.#sendPort(talk);
  }

  #receive(report: RunningEvent): void {
    if (report.event === 'ended') {
      const talk = this.#sessions.get(report.id);
      this.#sessions.delete(report.id);
      talk?.onEnd('closed');
      return;
    }
    const call = this.#queries.get(report.id);
    this.#queries.delete(report.id);
    if ('error' in report.outcome) call?.reject(fromErrorData(report.outcome.error));
    else call?.resolve(report.outcome.value);
  }

  /** What the process had under way is lost with it. */
  #dropInFlight(code: number): void {
    for (const [id, { port, onEnd }] of this.#sessions) {
      if (port !== undefined) continue;
      this.#sessions.delete(id);
      onEnd('died');
    }
    for (const [id, { isSent, reject }] of this.#queries) {
      if (!isSent) continue;
      this.#queries.delete(id);
      reject(new DiskCacheError('DISCONNECTED', `The utility process ended with code ${code} before it answered`));
    }
  }

  /** What has waited for another process waits in vain. */
  #rejectWaiting(why: DiskCacheError): void {
    for (const [id, { port, onEnd }] of this.#sessions) {
      if (port === undefined) continue;
      this.#sessions.delete(id);
      closePort(port, why);
      onEnd('closed');
    }
    for (const [id, { isSent, reject }] of this.#queries) {
      if (isSent) continue;
      this.#queries.delete(id);
      reject(why);
    }
  }

  #sendPort(talk: PendingSession): void {
    if (talk.port) this.#process.send(talk.command, talk.port);
    talk.port = undefined;
  }

  #sendQuery(id: number, call: PendingQuery): void {
    call.isSent = true;
    this.#process.send({ order: 'call', id, asked: call.query });
  }
}

function closePort(port: MessagePortMain, reason: DiskCacheError): void {
  port.postMessage(createGoodbye(toPageErrorData(reason)));
  port.close();
}
