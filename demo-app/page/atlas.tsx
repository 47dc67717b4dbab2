import { useEffect, useMemo } from 'preact/hooks';
import type { CountrySummary } from '../model/country.ts';
import type { FieldNote } from '../model/note.ts';
import { cacheAllCountries } from './data/cache-assets.ts';
import { draftedCountries } from './data/drafts.ts';
import { online } from './data/network.ts';
import { useObservable } from './data/observable.ts';
import { deliveredCount, outbox } from './data/outbox.ts';
import { countriesResource, notesResource, worldResource } from './data/resources.ts';
import { useResource } from './data/use-resource.ts';
import { WorldMap } from './map/world-map.tsx';
import { CountryCard } from './view/country-card.tsx';
import { CountryList } from './view/country-list.tsx';
import { formatCount } from './view/format.ts';
import { Icon } from './view/icon.tsx';
import { OutboxPanel } from './view/outbox.tsx';
import { navigateTo, useCountryCode } from './view/route.ts';
import { ErrorMessage, StatusBar } from './view/status-bar.tsx';

const NO_COUNTRIES: readonly CountrySummary[] = [];
const NO_NOTES: readonly FieldNote[] = [];
/** The card's width with its margins, in pixels; close-ups of the map are centred in the rest. */
const CARD = 372;

export function Atlas() {
  const list = useResource(countriesResource);
  const world = useResource(worldResource);
  const code = useCountryCode();
  const countries = list.loaded?.data ?? NO_COUNTRIES;
  const notes = useResource(notesResource, useObservable(deliveredCount)).loaded?.data ?? NO_NOTES;
  const byCode = useMemo(() => new Map(countries.map((country) => [country.code, country])), [countries]);
  const country = code === undefined ? undefined : byCode.get(code);
  const isOnline = useObservable(online);
  const noted = useNotedCountries(notes);

  // When the network comes back, fetch what is still missing.
  useEffect(() => {
    if (countries.length > 0) void cacheAllCountries(countries);
  }, [countries, isOnline]);
  useEffect(() => {
    document.title = country === undefined ? 'Atlas' : `${country.name} · Atlas`;
  }, [country]);
  useEffect(() => {
    // Escape first closes what is open above the map.
    const closeCard = ({ key }: KeyboardEvent) =>
      key === 'Escape' && document.querySelector(':popover-open') === null && navigateTo(undefined);
    addEventListener('keydown', closeCard);
    return () => removeEventListener('keydown', closeCard);
  }, []);

  const failures = [list.failure, world.failure].filter((failure) => failure !== undefined);
  return (
    <div class="atlas">
      <aside class="sidebar">
        <header>
          <span class="brand">Atlas</span>
          <button type="button" class="new-window" title="New window" onClick={() => window.open(location.href)}>
            <Icon name="window" />
            <span class="visually-hidden">New window</span>
          </button>
        </header>
        <CountryList countries={countries} selected={code} noted={noted} />
      </aside>
      <main class="stage">
        {world.loaded && countries.length > 0 && (
          <WorldMap
            topology={world.loaded.data}
            countries={countries}
            selected={country?.code}
            covered={country === undefined ? 0 : CARD}
          />
        )}
        {country === undefined ? (
          <Title countries={countries} />
        ) : (
          <CountryCard country={country} byCode={byCode} notes={notes} />
        )}
        {failures.length > 0 && (
          <div class="failures" role="alert">
            <h1>Nothing to show yet</h1>
            {failures.map((failure) => (
              <p key={failure}>{failure}</p>
            ))}
            <p>It is fetched by itself as soon as the server answers.</p>
          </div>
        )}
      </main>
      <StatusBar countries={list.loaded} />
      <OutboxPanel byCode={byCode} />
      <ErrorMessage />
    </div>
  );
}

/** The countries with a draft or a note, sent or not. */
function useNotedCountries(sent: readonly FieldNote[]): ReadonlySet<string> {
  const drafts = useObservable(draftedCountries);
  const posted = useObservable(outbox);
  return useMemo(
    () => new Set([...drafts, ...posted.map(({ payload }) => payload.code), ...sent.map(({ code }) => code)]),
    [drafts, posted, sent],
  );
}

function Title({ countries }: { readonly countries: readonly CountrySummary[] }) {
  if (countries.length === 0) return null;
  return (
    <hgroup class="title">
      <h1>The world</h1>
      <p>{formatCount(countries.length, 'country', 'countries and territories')}, online and off</p>
    </hgroup>
  );
}
