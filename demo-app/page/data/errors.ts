import { observable } from './observable.ts';

/** The last error, as text for the user; `undefined` without one. */
export const lastError = observable<string | undefined>(undefined);

/** Shows an error that belongs to no particular place on the page. */
export function reportError(what: string, error: unknown): void {
  lastError.set(`${what}: ${getErrorMessage(error)}`);
}

export const getErrorMessage = (error: unknown): string => (error instanceof Error ? error.message : String(error));
