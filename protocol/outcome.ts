import type { ErrorData } from './error.ts';

/** What became of one operation, as data: an error crosses to a page as this and loses nothing. */
export type Outcome<T = unknown> = { readonly value: T } | { readonly error: ErrorData };

export const failed = (error: ErrorData): Outcome<never> => ({ error });
