import { useEffect, useMemo } from 'preact/hooks';
import type { CountrySummary } from '../model/country.ts';
import { useObserved } from './data/observable.ts';
import { prepareForOffline } from './data/offline.ts';
import { countriesResource, worldResource } from './data/resources.ts';
import { returns } from './data/upstream.ts';
import { useResource } from './data/use-resource.ts';
import { WorldMap } from './map/world-map.tsx';
import { CountryCard } from './view/country-card.tsx';
import { CountryList } from './view/country-list.tsx';
import { formatCount } from './view/format.ts';
import { Icon } from './view/icon.tsx';
import { goTo, useCountryCode } from './view/route.ts';
import { Problem, StatusBar } from './view/status-bar.tsx';

const NONE: readonly CountrySummary[] = [];
/** The card's width with its margins, in pixels; the map's close-ups are centred beside it. */
const CARD = 372;

export function Atlas() {
  const list = useResource(countriesResource);
  const world = useResource(worldResource);
  const code = useCountryCode();
  const countries = list.loaded?.data ?? NONE;
  const byCode = useMemo(() => new Map(countries.map((country) => [country.code, country])), [countries]);
  const country = code === undefined ? undefined : byCode.get(code);
  const comeback = useObserved(returns);

  // A comeback is a reason to fetch what is still missing.
  useEffect(() => {
    if (countries.length > 0) void prepareForOffline(countries);
  }, [countries, comeback]);
  useEffect(() => {
    document.title = country === undefined ? 'Atlas' : `${country.name} · Atlas`;
  }, [country]);
  useEffect(() => {
    const leave = ({ key }: KeyboardEvent) => key === 'Escape' && goTo(undefined);
    addEventListener('keydown', leave);
    return () => removeEventListener('keydown', leave);
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
        <CountryList countries={countries} selected={code} />
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
        {country === undefined ? <Title countries={countries} /> : <CountryCard country={country} byCode={byCode} />}
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
      <Problem />
    </div>
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
