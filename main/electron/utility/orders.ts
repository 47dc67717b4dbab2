import { type ErrorData, isErrorData } from '../../../protocol/error.ts';
import type { Outcome } from '../../../protocol/outcome.ts';
import type { StoreDeclarations } from '../../../protocol/stores.ts';
import type { OpenQueueOptions } from '../../offline/index.ts';
import type { PageRights } from '../page-engine.ts';
import type { KeptWindow, WindowOptions } from '../windows.ts';

/*
 * What the main process tells the utility process that has the engine, and what it hears: plain data, one object each. Both are of
 * one build, so nothing here has to be understood by another version.
 */

/** What is to be opened. */
export interface Opening {
  readonly directory: string;
  readonly stores: SentStores;
  readonly windows: WindowOptions | undefined;
}

/** Declarations without functions as they are; or by the module that has them, and the kinds it has to declare. */
export type SentStores =
  | { readonly declarations: StoreDeclarations }
  | { readonly module: string; readonly kinds: Readonly<Record<string, string>> };

/** A queue that pages may call from now on. */
export interface NamedQueue {
  readonly name: string;
  readonly options: OpenQueueOptions | undefined;
}

/** What is answered by its id. */
export type Asked =
  | { readonly call: 'windows.list' }
  | { readonly call: 'windows.clear'; readonly name: string | undefined };

export type Order =
  /** The first one, answered by `opened` or `failed`. `windows` are attached, and what they keep while they are open stays. */
  | { readonly order: 'open'; readonly opening: Opening; readonly attached: readonly KeptWindow[] }
  | { readonly order: 'attach'; readonly window: number; readonly kept: KeptWindow }
  | { readonly order: 'release'; readonly window: number }
  /** Comes with the port. Without a window it is the main process itself that calls. */
  | { readonly order: 'session'; readonly id: number; readonly window: number | undefined; readonly rights: PageRights }
  | { readonly order: 'end'; readonly id: number; readonly reason: ErrorData }
  | { readonly order: 'call'; readonly id: number; readonly asked: Asked }
  | { readonly order: 'openQueue'; readonly queue: NamedQueue }
  | { readonly order: 'close' };

/** What became of `open`, and then what happens. */
export type Report =
  | { readonly report: 'opened' }
  | { readonly report: 'failed'; readonly error: ErrorData }
  | Happening;

export type Happening =
  /** A session has ended by itself. */
  | { readonly report: 'ended'; readonly id: number }
  | { readonly report: 'answer'; readonly id: number; readonly outcome: Outcome };

/** Whether what the utility process has posted is a report, which a module of the application's own could spoil. */
export function isReport(message: unknown): message is Report {
  const { report, id, error, outcome } = Object(message) as Record<string, unknown>;
  switch (report) {
    case 'opened':
      return true;
    case 'failed':
      return isErrorData(error);
    case 'ended':
      return typeof id === 'number';
    case 'answer':
      return typeof id === 'number' && typeof outcome === 'object' && outcome !== null;
    default:
      return false;
  }
}
