/** Every way a call can fail. Callers branch on the code. Append-only. */
export const ERROR_CODES = [
  'BAD_KEY',
  'BAD_VALUE',
  'BAD_OPTION',
  'BUSY',
  'CLOSED',
  'CORRUPT',
  'DISK_FULL',
  'NOT_ALLOWED',
  'NO_SUCH_STORE',
  'READ_ONLY',
  'TIMEOUT',
  'TOO_LARGE',
  'UNSUPPORTED_VERSION',
  'DISCONNECTED',
  'IO',
  'WRONG_KEY',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * The only error class. `code` is for programs; `message` says what happened, to what, and what to do; the original error is the `cause`.
 * `instanceof` also accepts an error of another copy of the class, because an application may load both the ES modules and the CommonJS
 * files.
 */
export class DiskCacheError extends Error {
  override readonly name = 'DiskCacheError';
  readonly code: ErrorCode;

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass inherits this method, and knows its own instances only
    return super[Symbol.hasInstance](value) || (this === DiskCacheError && isFromAnotherCopy(value));
  }

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

function isFromAnotherCopy(value: unknown): boolean {
  const error = value as Partial<DiskCacheError> | null | undefined;
  try {
    return error?.name === 'DiskCacheError' && typeof error.code === 'string';
  } catch {
    // Anything can be thrown, including an object that throws when it is read.
    return false;
  }
}

/** An error as plain data, so that cloning it into a page loses nothing. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause?: string;
}

/** Converts anything thrown to data. An error that isn't a `DiskCacheError` was caused by an argument that doesn't fit the signature. */
export function toErrorData(error: unknown): ErrorData {
  if (!(error instanceof DiskCacheError))
    return { code: 'BAD_OPTION', message: `Unusable argument: ${summarize(error)}` };
  const { code, message, cause } = error;
  return cause === undefined ? { code, message } : { code, message, cause: summarize(cause) };
}

export function fromErrorData(data: ErrorData): DiskCacheError {
  // The options of an error: its `cause`, if it has one.
  return new DiskCacheError(data.code, data.message, data);
}

/** Accepts any string as the code, because a later version may have added codes. */
export function isErrorData(value: unknown): value is ErrorData {
  const { code, message, cause } = Object(value) as Record<string, unknown>;
  return typeof code === 'string' && typeof message === 'string' && (cause === undefined || typeof cause === 'string');
}

function summarize(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'an error that cannot be read';
  }
}
