/** Every way a call can fail. Callers branch on the code; the list only grows. */
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
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * The one error class. `code` is for programs, `message` says what happened, to what, and what to do; the original is the `cause`.
 * `instanceof` is true for an error of another copy of the class, too: an application may have both the ES modules and the CommonJS files.
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
    // Anything can be thrown, also what throws when it is read.
    return false;
  }
}

/** An error as plain data, so that nothing is lost when it is cloned into a page. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly cause?: string;
}

/** Anything thrown, as data. What is no `DiskCacheError` came of an argument that fits no signature. */
export function toErrorData(error: unknown): ErrorData {
  if (!(error instanceof DiskCacheError))
    return { code: 'BAD_OPTION', message: `Unusable argument: ${summarize(error)}` };
  const { code, message, cause } = error;
  return cause === undefined ? { code, message } : { code, message, cause: summarize(cause) };
}

export function fromErrorData(data: ErrorData): DiskCacheError {
  return new DiskCacheError(data.code, data.message, data.cause === undefined ? undefined : { cause: data.cause });
}

/** Asks of the code only that it is a text: one that a later version has added is a reason, too. */
export function isErrorData(value: unknown): value is ErrorData {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, cause } = value as Record<string, unknown>;
  return typeof code === 'string' && typeof message === 'string' && (cause === undefined || typeof cause === 'string');
}

function summarize(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return UNREADABLE_ERROR;
  }
}

/** What an error says. Never throws, whatever was thrown. */
export function getErrorMessage(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return UNREADABLE_ERROR;
  }
}

const UNREADABLE_ERROR = 'an error that cannot be read';
