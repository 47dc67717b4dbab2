import type { Loaded } from '../data/source.ts';
import { formatInstant, formatTook } from './format.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly of: Loaded<unknown>;
  /** What it is, where that is not plain from the place. */
  readonly what?: string;
}

/** Where something came from and how old it is: "From disk in 3 ms · fetched 14:02, current". */
export function Provenance({ of, what }: Props) {
  const { origin, took, fetchedAt, current } = of;
  const from = origin === 'disk' ? 'from disk' : 'from the network';
  const age = origin === 'disk' && current ? ', current' : '';
  return (
    <span class="provenance" data-origin={origin}>
      <Icon name={origin} />
      <span>
        {what ? `${what} ${from}` : upperFirst(from)} in {formatTook(took)} · fetched {formatInstant(fetchedAt)}
        {age}
      </span>
    </span>
  );
}

const upperFirst = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
