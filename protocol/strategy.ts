import { DiskCacheError } from './error.ts';

/** How a request goes about what is stored; docs/guide-offline.md says what each does. */
export const STRATEGIES = [
  'http',
  'cache-first',
  'network-first',
  'stale-while-revalidate',
  'network-only',
  'cache-only',
] as const;

export type Strategy = (typeof STRATEGIES)[number];

export interface StrategyOptions {
  readonly strategy: Strategy;
  /** With `network-first`: milliseconds after which what is stored is the answer. Default: none. */
  readonly timeout?: number;
}

/**
 * The plan that was given beside the options of `fetch`; undefined where none was.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a `timeout` alone, which would end nothing.
 */
export function parseStrategyOptions({
  strategy,
  timeout,
}: {
  readonly [N in keyof StrategyOptions]: StrategyOptions[N] | undefined;
}): StrategyOptions | undefined {
  if (strategy !== undefined) return { strategy, ...(timeout !== undefined && { timeout }) };
  if (timeout === undefined) return undefined;
  throw new DiskCacheError(
    'BAD_OPTION',
    'timeout is that of the strategy network-first; a request is ended by its signal: AbortSignal.timeout(milliseconds)',
  );
}
