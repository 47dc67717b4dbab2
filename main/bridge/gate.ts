import { expose } from 'comlink';
import { DiskCacheError, type ErrorData } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import type { Refusal } from '../../protocol/wire.ts';

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

/** Maximum holes in all arrays of a message together: holes cost the sender nothing. */
const MAX_ARRAY_HOLES = 10_000;
/** Maximum additional bytes that repeated references may stand for when written out. */
const MAX_REPEATED_BYTES = 64 * 2 ** 20;
/** Overhead of an object and of any other part in addition to its bytes; these values allow a million objects to be repeated. */
const OBJECT_OVERHEAD_BYTES = 64;
const PART_OVERHEAD_BYTES = 8;

/**
 * Returns whether a message expands to far more than was sent ("billion laughs"). An array with four billion holes takes a few bytes to
 * send, and so do forty arrays that each reference the next one twice; walking or comparing them would never end. Cycles are not counted.
 * O(actual parts), at any depth.
 */
export function isExpansionBomb(message: object): boolean {
  // Almost every message is small even when written out: then no part needs to be remembered.
  return !new QuickCheck().isSmall(message, 0) && isBombExactly(message);
}

/** Limits of the first attempt, which takes a fraction of a millisecond: parts and depth. */
const MAX_QUICK_PARTS = 20_000;
const MAX_QUICK_DEPTH = 50;

/**
 * Walks a message as if each part were referenced only once, and gives up on large messages.
 *
 * Invariant: visits at most `MAX_QUICK_PARTS` parts, however often they are referenced.
 */
class QuickCheck {
  #parts = 0;
  #weight = 0;

  /** Returns whether a part has no holes and is, written out, smaller than the repetition limit; false if that is unknown. */
  isSmall(part: object, depth: number): boolean {
    if (depth === MAX_QUICK_DEPTH) return false;
    this.#weight += OBJECT_OVERHEAD_BYTES;
    if (Array.isArray(part)) {
      this.#parts += part.length;
      if (this.#parts > MAX_QUICK_PARTS) return false;
      for (let at = 0; at < part.length; at++) {
        const inner = part[at];
        if (inner === undefined && !Object.hasOwn(part, at)) return false;
        if (!this.#isSmallPart(inner, depth)) return false;
      }
    } else if (ArrayBuffer.isView(part)) {
      this.#weight += part.byteLength;
    } else {
      if (Object.getPrototypeOf(part) !== Object.prototype) return false;
      for (const name in part) {
        this.#weight += name.length;
        if (++this.#parts > MAX_QUICK_PARTS || !this.#isSmallPart((part as Record<string, unknown>)[name], depth)) {
          return false;
        }
      }
    }
    return this.#weight <= MAX_REPEATED_BYTES;
  }

  #isSmallPart(part: unknown, depth: number): boolean {
    if (typeof part === 'object' && part !== null) return this.isSmall(part, depth + 1);
    this.#weight += typeof part === 'string' ? PART_OVERHEAD_BYTES + part.length : PART_OVERHEAD_BYTES;
    return true;
  }
}

/** The exact check: remembers each part, and so visits it once. */
function isBombExactly(message: object): boolean {
  let holes = 0;
  let sentBytes = 0;
  /** The size of each part with everything it references; 0 while it is unknown. */
  const expandedBytes = new Map<object, number>();
  const stack = [message];
  for (let part = stack.at(-1); part !== undefined; part = stack.at(-1)) {
    const known = expandedBytes.get(part);
    if (known === undefined) {
      if (Array.isArray(part)) holes += countHoles(part, MAX_ARRAY_HOLES - holes);
      if (holes > MAX_ARRAY_HOLES) return true;
      expandedBytes.set(part, 0);
      const before = stack.length;
      for (const inner of getParts(part)) if (isObject(inner) && !expandedBytes.has(inner)) stack.push(inner);
      if (stack.length > before) continue;
    }
    stack.pop();
    // Pushed twice, because two parts referenced it before it was visited.
    if (known !== undefined && known > 0) continue;
    let ownBytes = OBJECT_OVERHEAD_BYTES + getOwnBytes(part);
    let weight = 0;
    for (const inner of getParts(part)) {
      if (isObject(inner)) weight += expandedBytes.get(inner) ?? 0;
      else ownBytes += typeof inner === 'string' ? PART_OVERHEAD_BYTES + inner.length : PART_OVERHEAD_BYTES;
    }
    sentBytes += ownBytes;
    expandedBytes.set(part, ownBytes + weight);
  }
  return (expandedBytes.get(message) ?? 0) - sentBytes > MAX_REPEATED_BYTES;
}

/** Stops counting above `limit`. */
function countHoles(array: readonly unknown[], limit: number): number {
  let holes = 0;
  for (let at = 0; at < array.length && holes <= limit; at++) {
    if (array[at] === undefined && !Object.hasOwn(array, at)) holes++;
  }
  return holes;
}

const isObject = (part: unknown): part is object => typeof part === 'object' && part !== null;

const NO_PARTS: readonly unknown[] = [];

function getParts(part: object): Iterable<unknown> {
  if (Array.isArray(part) || part instanceof Set) return part;
  if (ArrayBuffer.isView(part)) return NO_PARTS;
  if (part instanceof Map) return [...part.keys(), ...part.values()];
  return part instanceof Error ? [part.cause] : Object.values(part);
}

/** Bytes of an object's own strings, byte arrays and property names. Array indices don't count. */
function getOwnBytes(part: object): number {
  if (Array.isArray(part)) return 0;
  if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) return part.byteLength;
  if (part instanceof Error) return getLength(part.message) + getLength(part.stack);
  if (part instanceof RegExp) return part.source.length;
  if (part instanceof String) return part.length;
  let bytes = 0;
  for (const name in part) bytes += name.length;
  return bytes;
}

const getLength = (text: unknown): number => (typeof text === 'string' ? text.length : 0);
