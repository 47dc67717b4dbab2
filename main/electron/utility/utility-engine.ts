import type { MessagePortMain } from 'electron';
import { findValueFault } from '../../../protocol/clone-check.ts';
import { DiskCacheError, fromErrorData, toErrorData } from '../../../protocol/error.ts';
import { toPageErrorData } from '../../../protocol/redaction.ts';
import { createGoodbye } from '../../../protocol/wire.ts';
import type { DamageReport } from '../../damage/report.ts';
import type { OpenQueueOptions } from '../../offline/index.ts';
import type {
  ClosableSession,
  EndReason,
  EngineEndpoint,
  SessionRights,
  SettingsSnapshot,
  WindowEndpoint,
} from '../engine-endpoint.ts';
import { assertLifetime, type Lifetime, type WindowStoreId } from '../window-stores.ts';
import type { Command, NamedQueue, OpenCommand, Query, RunningEvent } from './engine-messages.ts';
import { EngineProcess } from './engine-process.ts';

/** A session of the utility process, or one that the next process will open. */
interface PendingSession {
  readonly command: Command;
  /** Its port, until it has been handed over. */
  port: MessagePortMain | undefined;
  readonly onEnd: (how: EndReason) => void;
}

interface PendingQuery {
  readonly query: Query;
  isSent: boolean;
  onProgress(progress: unknown): void;
  resolve(value: unknown): void;
  reject(error: DiskCacheError): void;
}

/**
 * The main process's view of the engine in a utility process. It hands over the pages' ports and takes no part in calls afterwards.
 * Commands issued while no process runs wait for the next one.
 *
 * Invariant: every call settles, and every session learns of its end.
 */
export class UtilityEngine implements EngineEndpoint {
  readonly #process: EngineProcess;
  readonly #windows = new Map<number, WindowStoreId>();
  /** The windows that were listed in the current process's `open` command. */
  #windowsAtOpen: ReadonlyMap<number, WindowStoreId> = new Map();
  readonly #queues = new Map<string, NamedQueue>();
  readonly #sessions = new Map<number, PendingSession>();
  readonly #queries = new Map<number, PendingQuery>();
  #lastId = 0;

  /**
   * Starts the process and waits until its stores are open.
   *
   * @throws {DiskCacheError} anything that opening them throws; `CLOSED` if the process keeps crashing.
   */
  static open(
    modulePath: string,
    opening: OpenCommand,
    onDamaged: (report: DamageReport) => void = () => {},
  ): Promise<UtilityEngine> {
    return new Promise((resolve, reject) => {
      const engine = new UtilityEngine(modulePath, opening, onDamaged, () => resolve(engine), reject);
      engine.#process.start();
    });
  }

  private constructor(
    modulePath: string,
    opening: OpenCommand,
    onDamaged: (report: DamageReport) => void,
    onOpened: () => void,
    onGivenUp: (why: DiskCacheError) => void,
  ) {
    this.#process = new EngineProcess(modulePath, {
      createOpenCommand: () => {
        this.#windowsAtOpen = new Map(this.#windows);
        return { type: 'open', opening, attached: [...this.#windowsAtOpen.values()] };
      },
      onOpened: () => {
        this.#restoreState();
        onOpened();
      },
      onDamaged,
      onEvent: (event) => this.#receive(event),
      onExit: (code) => this.#dropInFlight(code),
      onGivenUp: (why) => {
        this.#rejectWaiting(why);
        onGivenUp(why);
      },
    });
  }

  attach(name: string, lifetime: Lifetime): WindowEndpoint {
    assertLifetime(lifetime);
    const window = ++this.#lastId;
    const shard = { name, lifetime };
    this.#windows.set(window, shard);
    this.#process.send({ type: 'attach', window, shard: shard });
    return {
      openSession: (port, rights, onEnd) => this.#openSession(port, rights, onEnd, window),
      release: () => {
        if (this.#windows.delete(window)) this.#process.send({ type: 'release', window });
      },
    };
  }

  /** Opens a session of the main process itself, without a window. */
  openSession(port: MessagePortMain, rights: SessionRights, onEnd: (how: EndReason) => void): ClosableSession {
    return this.#openSession(port, rights, onEnd, undefined);
  }

  readSettings(store: string): Promise<SettingsSnapshot> {
    return this.query({ call: 'settings.read', store }) as Promise<SettingsSnapshot>;
  }

  /** Lets pages call a queue, also after the process is restarted. */
  openQueue(name: string, options: OpenQueueOptions | undefined): void {
    if (this.#queues.has(name)) return;
    const queue = { name, options };
    this.#queues.set(name, queue);
    this.#process.send({ type: 'openQueue', queue });
  }

  /**
   * Sends a query to the process, or to the next one.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if the process died before it responded, `CLOSED`, or the error it responds with.
   */
  async query(
    query: Query,
    onProgress: (progress: unknown) => void = () => {},
    signal?: AbortSignal,
  ): Promise<unknown> {
    this.#process.assertAlive();
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const call: PendingQuery = { query, isSent: false, onProgress, resolve, reject };
      this.#queries.set(id, call);
      signal?.addEventListener('abort', () => {
        if (!this.#queries.delete(id)) return;
        if (call.isSent) this.#process.send({ type: 'abort', id });
        reject(signal.reason as DiskCacheError);
      });
      if (this.#process.isReady) this.#sendQuery(id, call);
    });
  }

  /** Resolves when the process has closed its stores and exited. */
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
    // The utility process counts this usage itself.
    const { principal: _, ...sent } = rights;
    const session: PendingSession = { command: { type: 'session', id, window, rights: sent }, port, onEnd };
    this.#sessions.set(id, session);
    if (this.#process.isReady) this.#sendPort(session);
    return {
      close: (reason) => {
        if (!this.#sessions.delete(id)) return;
        if (session.port) closePort(session.port, reason);
        else this.#process.send({ type: 'end', id, reason: toErrorData(reason) });
      },
    };
  }

  /** Restores the state of a process that has just opened its stores. */
  #restoreState(): void {
    // Also attaches, and then releases, the windows that were closed in the meantime, so that their shards are deleted.
    const closed = [...this.#windowsAtOpen].filter(([window]) => !this.#windows.has(window));
    for (const [window, shard] of [...this.#windows, ...closed])
      this.#process.send({ type: 'attach', window, shard: shard });
    for (const [window] of closed) this.#process.send({ type: 'release', window });
    for (const queue of this.#queues.values()) this.#process.send({ type: 'openQueue', queue });
    for (const [id, call] of this.#queries) this.#sendQuery(id, call);
    for (const session of this.#sessions.values()) this.#sendPort(session);
  }

  #receive(event: RunningEvent): void {
    if (event.event === 'ended') {
      const session = this.#sessions.get(event.id);
      this.#sessions.delete(event.id);
      session?.onEnd('closed');
      return;
    }
    const call = this.#queries.get(event.id);
    if (event.event === 'progress') {
      call?.onProgress(event.progress);
      return;
    }
    this.#queries.delete(event.id);
    if ('error' in event.outcome) call?.reject(fromErrorData(event.outcome.error));
    else call?.resolve(event.outcome.value);
  }

  /** Ends the sessions and queries that were lost with the process. */
  #dropInFlight(code: number): void {
    for (const [id, { port, onEnd }] of this.#sessions) {
      if (port !== undefined) continue;
      this.#sessions.delete(id);
      onEnd('died');
    }
    for (const [id, { isSent, reject }] of this.#queries) {
      if (!isSent) continue;
      this.#queries.delete(id);
      reject(new DiskCacheError('DISCONNECTED', `The utility process ended with code ${code} before it responded`));
    }
  }

  /** Rejects what was waiting for another process. */
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

  #sendPort(session: PendingSession): void {
    if (session.port) this.#process.send(session.command, session.port);
    session.port = undefined;
  }

  #sendQuery(id: number, call: PendingQuery): void {
    call.isSent = true;
    this.#process.send({ type: 'call', id, query: call.query });
  }
}

function closePort(port: MessagePortMain, reason: DiskCacheError): void {
  port.postMessage(createGoodbye(toPageErrorData(reason)));
  port.close();
}
