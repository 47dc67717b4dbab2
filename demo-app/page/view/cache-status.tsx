import type { CacheStatus as Kind } from 'deskcache/renderer';
import type { LoadedResource } from '../data/api.ts';
import { formatDuration, formatInstant } from './format.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly of: LoadedResource<unknown>;
  /** The label, if the context doesn't make it clear. */
  readonly what?: string;
}

const STATUS_WORDS: Readonly<Record<Kind, readonly [from: string, then: string]>> = {
  hit: ['from disk', 'fetched'],
  stale: ['from disk', 'fetched'],
  revalidated: ['from disk', 'confirmed'],
  miss: ['from the network', 'fetched'],
};

/** Where data came from and how old it is, such as "hit · From disk in 3 ms, fetched 14:02". */
export function CacheStatusBadge({ of: { cacheStatus, durationMs, confirmedAt }, what }: Props) {
  const [from, then] = STATUS_WORDS[cacheStatus];
  return (
    <span class="provenance" data-provenance={cacheStatus}>
      <Icon name={cacheStatus === 'miss' ? 'network' : 'disk'} />
      <b>{cacheStatus}</b>
      <span>
        {what ? `${what} ${from}` : upperFirst(from)} in {formatDuration(durationMs)}, {then}{' '}
        {formatInstant(confirmedAt)}
      </span>
    </span>
  );
}

const upperFirst = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
