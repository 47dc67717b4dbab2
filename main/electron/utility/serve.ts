import type { MessagePortMain } from 'electron';
import { DiskCacheError, fromErrorData, toErrorData } from '../../../protocol/error.ts';
import type { Outcome } from '../../../protocol/wire.ts';
import type { DamageReport } from '../../damage/report.ts';
import type { ClosableSession, LocalEngine, WindowEndpoint } from '../engine-endpoint.ts';
import type { WindowStoreId } from '../window-stores.ts';
import type { Command, EngineEvent, NamedQueue, OpenCommand, Query } from './engine-messages.ts';

/** Everything the utility process has open. */
export interface OpenedEngine {
  readonly engine: LocalEngine;
  /** May return a promise. `onProgress` tells the caller how far it is; `signal` says that the caller doesn't wait any more. */
  runQuery(query: Query, onProgress: (progress: unknown) => void, signal: AbortSignal): unknown;
  openQueue(queue: NamedQueue): void;
  close(): void;
}

/**
 * Carries out the main process's commands: opens the stores, serves the pages whose ports it gets, closes and exits. Also exits if opening
 * fails: the main process decides whether to retry.
 */
export function serveCommands(
  main: Electron.ParentPort,
  open: (
    opening: OpenCommand,
    attached: readonly WindowStoreId[],
    onDamaged: (report: DamageReport) => void,
  ) => Promise<OpenedEngine>,
): void {
  let opened: OpenedEngine | undefined;
  const windows = new Map<number, WindowEndpoint>();
  const sessions = new Map<number, ClosableSession>();
  const calls = new Map<number, AbortController>();
  const post = (message: EngineEvent) => main.postMessage(message);

  async function openEngine(opening: OpenCommand, attached: readonly WindowStoreId[]): Promise<void> {
    try {
      // Sent before `opened`, so that the host knows when it is open.
      opened = await open(opening, attached, (report) => post({ event: 'damaged', report }));
      post({ event: 'opened' });
    } catch (error) {
      post({ event: 'failed', error: toErrorData(error) });
    }
  }

  function run(
    command: Command,
    { engine, runQuery, openQueue, close }: OpenedEngine,
    port: MessagePortMain | undefined,
  ): void {
    switch (command.type) {
      case 'attach':
        windows.set(command.window, engine.attach(command.shard.name, command.shard.lifetime));
        break;
      case 'release':
        windows.get(command.window)?.release();
        windows.delete(command.window);
        break;
      case 'session': {
        const { id, window, rights } = command;
        const endpoint = window === undefined ? engine : windows.get(window);
        const session = endpoint?.openSession(port!, rights, () => {
          if (sessions.delete(id)) post({ event: 'ended', id });
        });
        if (session) sessions.set(id, session);
        break;
      }
      case 'end': {
        const session = sessions.get(command.id);
        sessions.delete(command.id);
        session?.close(fromErrorData(command.reason));
        break;
      }
      case 'call':
        void runCall(command.id, command.query, runQuery);
        break;
      case 'abort':
        calls.get(command.id)?.abort();
        break;
      case 'openQueue':
        try {
          openQueue(command.queue);
        } catch (error) {
          // The main process has the queue open and can use it; pages get an error saying that it isn't open.
          process.emitWarning(error instanceof Error ? error : String(error));
        }
        break;
      case 'close':
        for (const session of sessions.values()) session.close(new DiskCacheError('CLOSED', 'The host was closed'));
        close();
        // Exits only after posted messages have been sent.
        setImmediate(() => process.exit(0));
    }
  }

  async function runCall(id: number, query: Query, runQuery: OpenedEngine['runQuery']): Promise<void> {
    const controller = new AbortController();
    calls.set(id, controller);
    const onProgress = (progress: unknown) => post({ event: 'progress', id, progress });
    let outcome: Outcome;
    try {
      outcome = { value: await runQuery(query, onProgress, controller.signal) };
    } catch (error) {
      outcome = { error: toErrorData(error) };
    }
    calls.delete(id);
    post({ event: 'answer', id, outcome });
  }

  main.on('message', ({ data, ports }) => {
    const command = data as Command;
    if (command.type === 'open') void openEngine(command.opening, command.attached);
    else if (opened) run(command, opened, ports[0]);
  });
}
