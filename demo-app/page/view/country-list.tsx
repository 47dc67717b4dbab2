import { memo, useDeferredValue } from 'preact/compat';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CountrySummary } from '../../model/country.ts';
import { Flag } from './flag.tsx';
import { formatCount } from './format.ts';
import { Icon } from './icon.tsx';
import { toHash } from './route.ts';

interface Props {
  readonly countries: readonly CountrySummary[];
  readonly selected: string | undefined;
  /** The countries with a draft or a note. */
  readonly noted: ReadonlySet<string>;
}

/**
 * All countries by name, filtered by the search field. The Down key moves from the field into the list, Up and Down move within it.
 */
export function CountryList({ countries, selected, noted }: Props) {
  const [query, setQuery] = useState('');
  const wanted = useDeferredValue(query);
  const found = useMemo(() => search(countries, wanted), [countries, wanted]);
  const list = useRef<HTMLElement>(null);
  // Runs again when the countries arrive: a page may open with a country before the list is loaded.
  useEffect(() => {
    list.current?.querySelector(`[data-code="${selected}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [selected, countries]);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Escape' && query !== '') {
      event.stopPropagation();
      setQuery('');
    }
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const rows = [...(list.current?.querySelectorAll<HTMLElement>('a') ?? [])];
    const at = rows.findIndex((row) => row.matches(':focus'));
    const next = rows[at + (event.key === 'ArrowDown' ? 1 : -1)];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys are an extra way; each field and link inside is reachable by Tab
    <div class="country-list" onKeyDown={onKeyDown}>
      <label class="search">
        <Icon name="search" />
        <input
          type="search"
          placeholder="Name, capital or code"
          aria-label="Search countries"
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
        {query !== '' && (
          <button type="button" aria-label="Clear the search" onClick={() => setQuery('')}>
            <Icon name="close" />
          </button>
        )}
      </label>
      <nav class="rows" aria-label="Countries" ref={list}>
        <Rows countries={found} selected={selected} noted={noted} />
        {found.length === 0 && query !== '' && <p class="nothing">Nothing is called “{query}”.</p>}
      </nav>
      <p class="visually-hidden" aria-live="polite">
        {query !== '' && `${formatCount(found.length, 'country', 'countries')} found`}
      </p>
    </div>
  );
}

const Rows = memo(function Rows({ countries, selected, noted }: Props) {
  return (
    <ul>
      {countries.map(({ code, alpha2, name, capital }) => (
        <li key={code}>
          <a class="row" href={toHash(code)} data-code={code} aria-current={code === selected ? 'page' : undefined}>
            <Flag alpha2={alpha2} />
            <span class="row-name">{name}</span>
            {noted.has(code) ? <Noted /> : <span class="row-capital">{capital}</span>}
          </a>
        </li>
      ))}
    </ul>
  );
});

const Noted = () => (
  <span class="noted" title="Has a field note">
    <Icon name="note" />
    <span class="visually-hidden">has a field note</span>
  </span>
);

/** Names that begin with the query, then names that contain it; accents and case are ignored. */
function search(countries: readonly CountrySummary[], query: string): readonly CountrySummary[] {
  const wanted = plain(query.trim());
  if (wanted === '') return countries;
  const rank = ({ name, capital = '', code, alpha2 }: CountrySummary): number => {
    if (plain(name).startsWith(wanted)) return 0;
    if (plain(code) === wanted || plain(alpha2) === wanted) return 1;
    if (plain(name).includes(wanted)) return 2;
    return plain(capital).includes(wanted) ? 3 : 4;
  };
  return countries
    .map((country) => [rank(country), country] as const)
    .filter(([place]) => place < 4)
    .sort(([a], [b]) => a - b)
    .map(([, country]) => country);
}

const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase();
