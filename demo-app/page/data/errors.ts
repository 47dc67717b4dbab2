import { observable } from './observable.ts';

/** What went wrong last, in words for a person; `undefined` when nothing did. */
export const lastError = observable<string | undefined>(undefined);

/** Shows a failure that has no place of its own on the page. */
export function reportError(what: string, error: unknown): void {
  lastError.set(`${what}: ${getErrorMessage(error)}`);
}

export const getErrorMessage = (error: unknown): string => (error instanceof Error ? error.message : String(error));
