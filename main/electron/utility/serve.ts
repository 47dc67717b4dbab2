import type { MessagePortMain } from 'electron';
import { DiskCacheError, fromErrorData, toErrorData } from '../../../protocol/error.ts';
import { captureOutcome } from '../../../protocol/wire.ts';
import type { ClosableSession, LocalEngine, WindowEndpoint } from '../engine-endpoint.ts';
import type { WindowStoreId } from '../window-stores.ts';
import type { Command, EngineEvent, NamedQueue, OpenCommand, Query } from './engine-messages.ts';

/** Everything the utility process has open. */
export interface OpenedEngine {
  readonly engine: LocalEngine;
  runQuery(asked: Query): unknown;
  openQueue(queue: NamedQueue): void;
  close(): void;
}

/**
 * Carries out the main process's commands: opens the stores, serves the pages whose ports it gets, closes and exits. Also exits if opening
 * fails: the main process decides whether to retry.
 */
export function serveCommands(
  main: Electron.ParentPort,
  open: (opening: OpenCommand, attached: readonly WindowStoreId[]) => Promise<OpenedEngine>,
): void {
  let opened: OpenedEngine | undefined;
  const windows = new Map<number, WindowEndpoint>();
  const sessions = new Map<number, ClosableSession>();
  const post = (message: EngineEvent) => main.postMessage(message);

  async function openEngine(opening: OpenCommand, attached: readonly WindowStoreId[]): Promise<void> {
    try {
      opened = await open(opening, attached);
      post({ event: 'opened' });
    } catch (error) {
      post({ event: 'failed', error: toErrorData(error) });
    }
  }

  function run(
    order: Command,
    { engine, runQuery, openQueue, close }: OpenedEngine,
    port: MessagePortMain | undefined,
  ): void {
    switch (order.order) {
      case 'attach':
        windows.set(order.window, engine.attach(order.kept.name, order.kept.lifetime));
        break;
      case 'release':
        windows.get(order.window)?.release();
        windows.delete(order.window);
        break;
      case 'session': {
        const { id, window, rights } = order;
        const answering = window === undefined ? engine : windows.get(window);
        const session = answering?.openSession(port!, rights, () => {
          if (sessions.delete(id)) post({ event: 'ended', id });
        });
        if (session) sessions.set(id, session);
        break;
      }
      case 'end': {
        const session = sessions.get(order.id);
        sessions.delete(order.id);
        session?.close(fromErrorData(order.reason));
        break;
      }
      case 'call':
        post({ event: 'answer', id: order.id, outcome: captureOutcome(() => runQuery(order.asked)) });
        break;
      case 'openQueue':
        try {
          openQueue(order.queue);
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

  main.on('message', ({ data, ports }) => {
    const order = data as Command;
    if (order.order === 'open') void openEngine(order.opening, order.attached);
    else if (opened) run(order, opened, ports[0]);
  });
}
