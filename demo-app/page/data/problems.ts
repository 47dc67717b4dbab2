import { observable } from './observable.ts';

/** What went wrong last, in words for a person; `undefined` when nothing did. */
export const problem = observable<string | undefined>(undefined);

/** Shows a failure that has no place of its own on the page. */
export function report(what: string, error: unknown): void {
  problem.set(`${what}: ${reason(error)}`);
}

export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
