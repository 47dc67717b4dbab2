import { runInThisContext } from 'node:vm';
import { toOwnRealm } from '../engine/internal.ts';

/** Globals of a page that deskcache uses, but that jsdom or Jest's environment of it lacks. */
const PAGE_GLOBALS = [
  'ReadableStream',
  'WritableStream',
  'TransformStream',
  'Headers',
  'Response',
  'TextDecoder',
  'TextEncoder',
];

type Globals = typeof globalThis;

/** Defines the globals of a page that a test's environment lacks, with Node's own. Existing ones stay. */
export function defineMissingGlobals(): void {
  if ([...PAGE_GLOBALS, 'Request', 'structuredClone'].every((name) => name in globalThis)) return;
  const node = runInThisContext('globalThis') as Globals;
  for (const name of PAGE_GLOBALS) defineIfMissing(name, () => node[name as never]);
  defineIfMissing(
    'structuredClone',
    () =>
      (...args: Parameters<typeof structuredClone>) =>
        toOwnRealm(node.structuredClone(...args)),
  );
  defineIfMissing('Request', () => {
    acceptSignalsOfNode();
    return createRequestClass(node);
  });
}

function defineIfMissing(name: string, create: () => unknown): void {
  if (name in globalThis) return;
  Object.defineProperty(globalThis, name, { value: create(), configurable: true, writable: true });
}

/** Returns Node's `Request`, extended to take a signal of jsdom. The request's own signal is one of Node's. */
const createRequestClass = (node: Globals): typeof Request =>
  class Request extends node.Request {
    constructor(input: RequestInfo | URL, init?: RequestInit) {
      const signal = init?.signal;
      const isForeign = signal instanceof AbortSignal && !(signal instanceof node.AbortSignal);
      super(input, isForeign ? { ...init, signal: follow([signal], new node.AbortController()) } : init);
    }
  };

/** Makes `AbortSignal.any` take signals of Node, which jsdom's refuses. Those of requests are Node's. */
function acceptSignalsOfNode(): void {
  const ownAny = AbortSignal.any.bind(AbortSignal);
  AbortSignal.any = (given: Iterable<AbortSignal>): AbortSignal => {
    const signals = [...given];
    return signals.every((signal) => signal instanceof AbortSignal)
      ? ownAny(signals)
      : follow(signals, new AbortController());
  };
}

/** Returns the controller's signal, which is aborted as soon as one of the others is. */
function follow(signals: readonly AbortSignal[], controller: AbortController): AbortSignal {
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
  }
  return controller.signal;
}
