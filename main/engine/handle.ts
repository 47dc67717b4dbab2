import { DiskCacheError } from '../../protocol/error.ts';
import type { CacheOptions, Codec } from '../../protocol/options.ts';
import { Cache } from './cache/cache.ts';
import type { Description, HandleKind } from './cache/describe.ts';
import { Deque, type DequeOptions } from './collections/deque.ts';
import { Index, type IndexOptions } from './collections/index-map.ts';
import type { StandardSchema } from './collections/schema.ts';
import type { FanoutOptions } from './fanout/open.ts';
import { FanoutCache } from './fanout-cache.ts';

export type { Description } from './cache/describe.ts';

/** What a description can't hold. */
export interface HandedIn {
  readonly clock?: () => number;
  readonly codec?: Codec;
  readonly schema?: StandardSchema;
}

type Opener = (directory: string, options: object) => unknown;

const OPENERS: Readonly<Partial<Record<HandleKind, Opener>>> = {
  cache: (directory, options) => new Cache(directory, options as CacheOptions),
  fanout: (directory, options) => new FanoutCache(directory, options as FanoutOptions),
  index: (directory, options) => new Index(directory, options as IndexOptions),
  deque: (directory, options) => new Deque(directory, options as DequeOptions),
};

/**
 * Opens what `describe` has described, here: in a worker thread, in another process, or later.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is no description, and naming what has to be handed in; else what opening throws.
 */
export function reopen<Handle>(description: Description<Handle>, handedIn: HandedIn = {}): Handle {
  const { kind, directory, options, handIn } = Object(description) as Partial<Description>;
  const open = typeof kind === 'string' && Object.hasOwn(OPENERS, kind) ? OPENERS[kind] : undefined;
  if (open === undefined || typeof directory !== 'string' || typeof options !== 'object' || !Array.isArray(handIn)) {
    throw new DiskCacheError('BAD_OPTION', 'reopen takes what describe() of a store has given');
  }
  const missing = handIn.filter((name) => !Object.hasOwn(handedIn, name));
  if (missing.length > 0) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${directory} was opened with ${missing.join(' and ')}, which can't be described; hand it in: reopen(description, { ${missing.join(', ')} })`,
    );
  }
  return open(directory, { ...options, ...handedIn }) as Handle;
}
