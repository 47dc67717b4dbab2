import type { CountryDetail, CountrySummary } from '../../model/country.ts';
import type { WorldTopology } from '../map/world.ts';

/** Something the upstream's API can be asked for, and how to tell that an answer is one. */
export interface Resource<T> {
  readonly path: string;
  /** The middle of a sentence: "… could not be shown". */
  readonly name: string;
  /** A gate against what a captive portal or an older Atlas left behind; such an answer is neither shown nor kept. */
  readonly accepts: (body: unknown) => body is T;
}

export const countriesResource: Resource<readonly CountrySummary[]> = {
  path: '/v1/countries',
  name: 'The list of countries',
  accepts: (body): body is readonly CountrySummary[] => Array.isArray(body) && body.length > 0 && body.every(isSummary),
};

export const worldResource: Resource<WorldTopology> = {
  path: '/v1/world',
  name: 'The map',
  accepts: (body): body is WorldTopology =>
    isRecord(body) &&
    body['type'] === 'Topology' &&
    isRecord(body['objects']) &&
    isRecord(body['objects']['countries']),
};

export function countryResource(code: string, name: string): Resource<CountryDetail> {
  return {
    path: `/v1/countries/${code}`,
    name,
    accepts: (body): body is CountryDetail =>
      isSummary(body) && body.code === code && 'neighbours' in body && Array.isArray(body.neighbours),
  };
}

function isSummary(body: unknown): body is CountrySummary {
  return (
    isRecord(body) &&
    typeof body['code'] === 'string' &&
    typeof body['alpha2'] === 'string' &&
    typeof body['name'] === 'string' &&
    Array.isArray(body['centre'])
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
