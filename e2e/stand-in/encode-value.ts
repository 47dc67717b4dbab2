import { parse, stringify } from 'devalue';

/**
 * Values as text, for messages between Node and Chromium. Both sides pass the result of a structured clone; values that are not
 * plain then (a Blob, an ImageBitmap) are refused. `devalue` keeps Map, Set, Date, RegExp, BigInt, -0, NaN, undefined,
 * cycles, sparse arrays, ArrayBuffers and their views (as base64); errors and a property called `__proto__` are added here.
 */

interface ErrorParts {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause?: unknown;
}

const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError } as const;

const reducers = {
  Error: (value: unknown): ErrorParts | undefined => {
    if (Object.prototype.toString.call(value) !== '[object Error]') return undefined;
    const { name, message, stack } = value as Error;
    const parts = { name, message, stack };
    return Object.hasOwn(value as Error, 'cause') ? { ...parts, cause: (value as Error).cause } : parts;
  },
  Entries: (value: unknown): unknown[] | undefined =>
    isPlain(value) && Object.hasOwn(value, '__proto__') ? Object.entries(value) : undefined,
};

const revivers = {
  Error: ({ name, message, stack, ...cause }: ErrorParts): Error => {
    const error = new (ERRORS[name as keyof typeof ERRORS] ?? Error)(message, cause);
    Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true });
    return error;
  },
  Entries: (entries: [string, unknown][]): object => Object.fromEntries(entries),
};

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** @throws when a part of `value` has no representation: it is not the result of a plain structured clone. */
export const encodeValue = (value: unknown): string => stringify(value, reducers);

export const decodeValue = (text: string): unknown => parse(text, revivers);
