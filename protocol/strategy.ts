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

export interface Plan {
  readonly strategy: Strategy;
  /** With `network-first`: milliseconds after which what is stored is the answer. Default: none. */
  readonly timeout?: number;
}
