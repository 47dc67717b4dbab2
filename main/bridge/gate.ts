import { expose } from 'comlink';
import { DiskCacheError, type ErrorData } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import type { Refusal } from '../../protocol/wire.ts';
import { isExpansionBomb } from './expansion-bomb.ts';

/** The part of a port that comlink uses. A layer takes an endpoint and returns one. */
export interface Endpoint {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: EndpointListener): void;
  removeEventListener(type: string, listener: EndpointListener): void;
  start?(): void;
}

export type EndpointListener = (event: { readonly data?: unknown }) => void;

/** A port of any implementation. */
export interface Port extends Endpoint {
  close(): void;
}

/**
 * Stops messages in both directions after closing. Comlink responds in a later microtask, but nothing may follow the goodbye, and nothing
 * may run after it.
 */
export function whileOpen(inner: Endpoint, isOpen: () => boolean): Endpoint {
  return {
    postMessage: (message) => {
      if (isOpen()) inner.postMessage(message);
    },
    addEventListener: (type, listener) =>
      inner.addEventListener(type, (event) => {
        if (isOpen()) listener(event);
      }),
    removeEventListener: () => {},
    start: () => inner.start?.(),
  };
}

/**
 * Serves the rare calls of a page through comlink. Comlink follows any property path that a message names and applies any transfer handler
 * it mentions, so a page could reach constructors and prototypes. Only one shape passes: a call of one of `methods`, by its name alone, with
 * one plain argument. The gate parses the wire format of comlink 4.4.2; a test fails when it changes.
 *
 * `onRefused` is called for each message that is not passed on. Comlink releases nothing by itself: the port's end releases everything.
 *
 * Invariant: a message that is not passed on gets a response, unless it carries no usable id. A thrown error is sent as data without its
 * stack: comlink would include that.
 */
export function exposeApi<T extends object>(
  api: T,
  inner: Endpoint,
  methods: readonly (keyof T & string)[],
  onRefused: (message: unknown) => void,
): void {
  expose(api, gate(inner, methods, onRefused));
}

function gate(inner: Endpoint, methods: readonly string[], onRefused: (message: unknown) => void): Endpoint {
  const refused = createRefusal(methods);
  return {
    postMessage: (message: unknown) => inner.postMessage(toRefusalIfThrown(message)),
    addEventListener: (type: string, listener: EndpointListener) => {
      inner.addEventListener(type, (event) => {
        const { data } = event;
        if (isCall(data, methods)) {
          listener(event);
          return;
        }
        if (isAnswerable(data)) inner.postMessage({ id: data.id, type: 'RAW', value: refused });
        onRefused(data);
      });
    },
    // Comlink removes its listener only when it receives RELEASE, which never gets through.
    removeEventListener: () => {},
    start: () => inner.start?.(),
  };
}

const MAX_ID_CHARS = 128;

/** Replaces a thrown error. Comlink sends it by its transfer handler `throw`: name, message and stack, with file system paths. */
function toRefusalIfThrown(message: unknown): unknown {
  const { id, type, name, value } = Object(message) as Record<string, unknown>;
  if (type !== 'HANDLER' || name !== 'throw') return message;
  const thrown: unknown = Object(value).value;
  const text = isRecord(thrown) ? `${String(thrown['name'])}: ${String(thrown['message'])}` : String(thrown);
  const error = new DiskCacheError('BAD_OPTION', `The main process failed to run this call: ${text}`);
  return { id, type: 'RAW', value: { refused: toPageErrorData(error) } satisfies Refusal };
}

const createRefusal = (methods: readonly string[]): Refusal => ({
  refused: {
    code: 'NOT_ALLOWED',
    message: `The main process refused a message that isn't a call of ${methods.join(', ')} with one plain argument`,
  } satisfies ErrorData,
});

function isAnswerable(message: unknown): message is { id: string } {
  return isRecord(message) && typeof message['id'] === 'string' && message['id'].length <= MAX_ID_CHARS;
}

function isCall(message: unknown, methods: readonly unknown[]): boolean {
  if (!isAnswerable(message)) return false;
  const { type, path, argumentList } = message as unknown as Record<string, unknown>;
  return (
    type === 'APPLY' &&
    Array.isArray(path) &&
    path.length === 1 &&
    methods.includes(path[0]) &&
    Array.isArray(argumentList) &&
    argumentList.length === 1 &&
    isPlainArgument(argumentList[0])
  );
}

const isPlainArgument = (argument: unknown): boolean =>
  isRecord(argument) && argument['type'] === 'RAW' && !isExpansionBomb(argument);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
