import { type ErrorData, toErrorData } from './error.ts';

/** What became of one operation, as data: an error crosses to a page as this and loses nothing. */
export type Outcome<T = unknown> = { readonly value: T } | { readonly error: ErrorData };

/** Returns the result of synchronous work, or what it throws as data, by `toData`. Never throws. */
export function outcomeOf<T>(work: () => T, toData = toErrorData): Outcome<T> {
  try {
    return { value: work() };
  } catch (error) {
    return { error: toData(error) };
  }
}
