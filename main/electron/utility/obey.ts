import type { MessagePortMain } from 'electron';
import { DiskCacheError, fromErrorData, toErrorData } from '../../../protocol/error.ts';
import { outcomeOf } from '../../../protocol/outcome.ts';
import type { EngineHere } from '../engine-here.ts';
import type { EngineWindow, PageSession } from '../page-engine.ts';
import type { KeptWindow } from '../windows.ts';
import type { Asked, NamedQueue, Opening, Order, Report } from './orders.ts';

/** What the utility process has open. */
export interface OpenedEngine {
  readonly engine: EngineHere;
  answer(asked: Asked): unknown;
  openQueue(queue: NamedQueue): void;
  close(): void;
}

/**
 * Does what the main process says: opens the stores, answers the pages whose ports it hands over, closes and ends. Ends, too, when
 * opening fails: the main process decides whether to try again.
 */
export function obey(
  main: Electron.ParentPort,
  open: (opening: Opening, attached: readonly KeptWindow[]) => Promise<OpenedEngine>,
): void {
  let opened: OpenedEngine | undefined;
  const windows = new Map<number, EngineWindow>();
  const sessions = new Map<number, PageSession>();
  const report = (message: Report) => main.postMessage(message);

  async function begin(opening: Opening, attached: readonly KeptWindow[]): Promise<void> {
    try {
      opened = await open(opening, attached);
      report({ report: 'opened' });
    } catch (error) {
      report({ report: 'failed', error: toErrorData(error) });
    }
  }

  function obeyOne(
    order: Order,
    { engine, answer, openQueue, close }: OpenedEngine,
    port: MessagePortMain | undefined,
  ): void {
    switch (order.order) {
      case 'attach':
        windows.set(order.window, engine.attach(order.kept.name, order.kept.keep));
        break;
      case 'release':
        windows.get(order.window)?.release();
        windows.delete(order.window);
        break;
      case 'session': {
        const { id, window, rights } = order;
        const answering = window === undefined ? engine : windows.get(window);
        const session = answering?.openSession(port!, rights, () => {
          if (sessions.delete(id)) report({ report: 'ended', id });
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
        report({ report: 'answer', id: order.id, outcome: outcomeOf(() => answer(order.asked)) });
        break;
      case 'openQueue':
        try {
          openQueue(order.queue);
        } catch (error) {
          // The main process has it open and works on it; pages are told that it isn't open.
          process.emitWarning(error instanceof Error ? error : String(error));
        }
        break;
      case 'close':
        for (const session of sessions.values()) session.close(new DiskCacheError('CLOSED', 'The host was closed'));
        close();
        // What was posted leaves first.
        setImmediate(() => process.exit(0));
    }
  }

  main.on('message', ({ data, ports }) => {
    const order = data as Order;
    if (order.order === 'open') void begin(order.opening, order.attached);
    else if (opened) obeyOne(order, opened, ports[0]);
  });
}
