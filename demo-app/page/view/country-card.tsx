import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { CountryDetail, CountrySummary } from '../../model/country.ts';
import type { FieldNote as Note } from '../../model/note.ts';
import { countryResource } from '../data/resources.ts';
import { useResource } from '../data/use-resource.ts';
import { CacheStatusBadge } from './cache-status.tsx';
import { FieldNote } from './field-note.tsx';
import { FieldNotes } from './field-notes.tsx';
import { Flag } from './flag.tsx';
import { formatArea, formatList } from './format.ts';
import { Icon } from './icon.tsx';
import { toHash } from './route.ts';

interface Props {
  readonly country: CountrySummary;
  readonly byCode: ReadonlyMap<string, CountrySummary>;
  readonly notes: readonly Note[];
}

/** One country. Fields of the list are shown at once, the others when they arrive. */
export function CountryCard({ country, byCode, notes }: Props) {
  const { loaded, failure } = useResource(countryResource(country.code, country.name));
  const about = useRef<HTMLDivElement>(null);
  // Scroll to the top for another country.
  useEffect(() => about.current?.scrollTo(0, 0), [country.code]);
  return (
    <article class="card" aria-labelledby="country-name" data-country={country.code}>
      <a class="card-close" href={toHash(undefined)} aria-label="Back to the world" title="Back to the world (Esc)">
        <Icon name="close" />
      </a>
      <div class="about" ref={about}>
        <Flag alpha2={country.alpha2} large />
        <h1 id="country-name">{country.name}</h1>
        {loaded && <Names country={loaded.data} />}
        {loaded && <Facts country={loaded.data} />}
        {loaded && <Neighbours codes={loaded.data.neighbours} byCode={byCode} />}
        {failure && (
          <p class="failure" role="alert">
            {failure}
          </p>
        )}
      </div>
      <section class="notebook" aria-labelledby="notebook-title">
        <h2 id="notebook-title">Field notes</h2>
        <FieldNotes code={country.code} sent={notes} />
        <FieldNote key={country.code} code={country.code} name={country.name} />
      </section>
      <footer>{loaded && <CacheStatusBadge of={loaded} />}</footer>
    </article>
  );
}

function Names({ country }: { readonly country: CountryDetail }) {
  const { name, officialName, nativeNames } = country;
  const others = [...new Set([officialName, ...nativeNames])].filter((other) => other !== name);
  return <p class="names">{others.slice(0, 4).join('\u00a0· ')}</p>;
}

function Facts({ country }: { readonly country: CountryDetail }) {
  const { capitals, region, subregion, area, landlocked, languages, currencies, demonym } = country;
  return (
    <dl class="facts">
      <Fact name={capitals.length > 1 ? 'Capitals' : 'Capital'}>{formatList(capitals)}</Fact>
      <Fact name="Region">{subregion ?? region}</Fact>
      <Fact name="Area">{area && `${formatArea(area)}${landlocked ? ', landlocked' : ''}`}</Fact>
      <Fact name={languages.length > 1 ? 'Languages' : 'Language'}>{formatList(languages)}</Fact>
      <Fact name={currencies.length > 1 ? 'Currencies' : 'Currency'}>
        {formatList(currencies.map(({ name, symbol }) => (symbol ? `${name} (${symbol})` : name)))}
      </Fact>
      <Fact name="People">{demonym}</Fact>
      <Fact name="Calling code">{formatList(country.callingCodes)}</Fact>
      <Fact name="Internet">{formatList(country.internetDomains)}</Fact>
    </dl>
  );
}

/** Unknown fields are left out. */
function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  if (children === undefined || children === '' || children === 0) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Neighbours({ codes, byCode }: { readonly codes: readonly string[]; readonly byCode: Props['byCode'] }) {
  const neighbours = codes.flatMap((code) => byCode.get(code) ?? []);
  if (neighbours.length === 0) return null;
  return (
    <nav class="neighbours" aria-label="Neighbours">
      <h2>Neighbours</h2>
      <ul>
        {neighbours.map(({ code, alpha2, name }) => (
          <li key={code}>
            <a href={toHash(code)}>
              <Flag alpha2={alpha2} />
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
