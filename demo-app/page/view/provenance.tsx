import type { Provenance as Kind } from 'deskcache/renderer';
import type { Loaded } from '../data/source.ts';
import { formatInstant, formatTook } from './format.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly of: Loaded<unknown>;
  /** What it is, where that is not plain from the place. */
  readonly what?: string;
}

const WORDS: Readonly<Record<Kind, readonly [from: string, then: string]>> = {
  hit: ['from disk', 'fetched'],
  stale: ['from disk', 'fetched'],
  revalidated: ['from disk', 'confirmed'],
  miss: ['from the network', 'fetched'],
};

/** Where something came from and how old it is, as the cache tells: "hit · From disk in 3 ms, fetched 14:02". */
export function Provenance({ of: { provenance, took, at }, what }: Props) {
  const [from, then] = WORDS[provenance];
  return (
    <span class="provenance" data-provenance={provenance}>
      <Icon name={provenance === 'miss' ? 'network' : 'disk'} />
      <b>{provenance}</b>
      <span>
        {what ? `${what} ${from}` : upperFirst(from)} in {formatTook(took)}, {then} {formatInstant(at)}
      </span>
    </span>
  );
}

const upperFirst = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
