import type { CountryDetail, CountrySummary } from '../../model/country.ts';
import type { FieldNote } from '../../model/note.ts';
import type { WorldTopology } from '../map/world-geometry.ts';

/** A resource of the server, with a check of its data. */
export interface Resource<T> {
  readonly path: string;
  /** The beginning of a sentence: "… is not on disk yet". */
  readonly name: string;
  /** Rejects data of a captive portal or an older Atlas. */
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

export const notesResource: Resource<readonly FieldNote[]> = {
  path: '/v1/notes',
  name: 'The list of notes',
  accepts: (body): body is readonly FieldNote[] => Array.isArray(body) && body.every(isNote),
};

export function countryResource(code: string, name: string): Resource<CountryDetail> {
  return {
    path: `/v1/countries/${code}`,
    name,
    accepts: (body): body is CountryDetail =>
      isSummary(body) && body.code === code && 'neighbours' in body && Array.isArray(body.neighbours),
  };
}

const isNote = (body: unknown): body is FieldNote => isRecord(body) && hasStrings(body, ['id', 'code', 'text']);

const isSummary = (body: unknown): body is CountrySummary =>
  isRecord(body) && hasStrings(body, ['code', 'alpha2', 'name']) && Array.isArray(body['centre']);

const hasStrings = (body: Record<string, unknown>, names: readonly string[]): boolean =>
  names.every((name) => typeof body[name] === 'string');

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
