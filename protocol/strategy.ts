import { DiskCacheError } from './error.ts';

/** How a request uses stored responses; docs/guide-offline.md describes each strategy. */
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
  /** With `network-first`: milliseconds after which the stored response is returned. Default: no timeout. */
  readonly timeout?: number;
}

/**
 * Returns the strategy given among the options of `fetch`; undefined if there was none.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a `timeout` without a strategy, which would have no effect.
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
