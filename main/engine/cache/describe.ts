import type { Core } from './core.ts';

export type HandleKind = 'cache' | 'fanout' | 'index' | 'deque';

declare const handle: unique symbol;

/**
 * An open store as plain data, which can be posted to a worker or written down; `reopen` opens the same store there. What
 * can't be data is named in `handIn` and has to be handed in again.
 */
export interface Description<Handle = unknown> {
  readonly kind: HandleKind;
  readonly directory: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Options that are functions or hold some: 'clock', 'codec', 'schema'. */
  readonly handIn: readonly string[];
  /** For the compiler alone. */
  readonly [handle]?: Handle;
}

/** What belongs to the directory is kept there, so only what belongs to the handle is said. */
export function describe<Handle>(kind: HandleKind, { directory, usage }: Core, more: object = {}): Description<Handle> {
  const { memory, exclusive, timeout, readOnly, clock, codec } = usage;
  const handIn: string[] = [];
  if (clock !== Date.now) handIn.push('clock');
  if (typeof codec === 'object') handIn.push('codec');
  return { kind, directory, options: { memory, exclusive, timeout, readOnly, ...more }, handIn };
}

/** How a store keeps its values. */
export const codecName = ({ codec: { codec } }: Core): string => (typeof codec === 'string' ? codec : codec.name);
