import { createRequire } from 'node:module';
import type { Countries, Country } from 'world-countries';
import type { CountryDetail, CountrySummary } from '../model/country.ts';

const source = createRequire(import.meta.url)('world-countries/countries.json') as Countries;

/** All 250 countries and territories of ISO 3166-1 (and Kosovo), by English name. */
export const countries: readonly CountryDetail[] = source
  .map(toDetail)
  .sort((a, b) => a.name.localeCompare(b.name, 'en'));

/** The fields that the list and the map need. */
export function toSummary({ code, alpha2, numeric, name, capital, region, centre }: CountryDetail): CountrySummary {
  return {
    code,
    alpha2,
    name,
    region,
    centre,
    ...(numeric !== undefined && { numeric }),
    ...(capital !== undefined && { capital }),
  };
}

function toDetail(country: Country): CountryDetail {
  const { name, latlng, capital, ccn3, subregion, area, demonyms, landlocked, unMember } = country;
  const demonym = demonyms['eng']?.m;
  const natives = new Set(Object.values(name.native).map((native) => native.common));
  natives.delete(name.common);
  return {
    code: country.cca3,
    alpha2: country.cca2,
    name: name.common,
    officialName: name.official,
    nativeNames: [...natives],
    capitals: capital,
    region: country.region,
    centre: [latlng[1], latlng[0]],
    landlocked,
    unMember,
    languages: Object.values(country.languages),
    currencies: Object.entries(country.currencies).map(([code, currency]) => ({ code, ...currency })),
    callingCodes: toCallingCodes(country.idd),
    internetDomains: country.tld,
    neighbours: country.borders,
    ...(ccn3 !== '' && { numeric: ccn3 }),
    ...(capital[0] !== undefined && { capital: capital[0] }),
    ...(subregion !== '' && { subregion }),
    ...(area > 0 && { area }),
    ...(demonym && { demonym }),
  };
}

/**
 * The root and a few suffixes form codes; many suffixes are area codes of a zone such as North America, whose code is the root.
 */
function toCallingCodes({ root, suffixes }: Country['idd']): readonly string[] {
  if (root === '') return [];
  return suffixes.length > 3 ? [root] : suffixes.map((suffix) => root + suffix);
}
