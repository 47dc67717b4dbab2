/** A country as the list and the map show it. */
export interface CountrySummary {
  /** ISO 3166-1 alpha-3; identifies the country everywhere in Atlas: in URLs, notes and neighbours. */
  readonly code: string;
  /** ISO 3166-1 alpha-2; identifies the flag. */
  readonly alpha2: string;
  /** ISO 3166-1 numeric; identifies the shape on the map. Absent for Kosovo, which has no number. */
  readonly numeric?: string;
  readonly name: string;
  readonly capital?: string;
  readonly region: string;
  /** Degrees: longitude, then latitude. */
  readonly centre: readonly [longitude: number, latitude: number];
}

/** A country as its card shows it. */
export interface CountryDetail extends CountrySummary {
  readonly officialName: string;
  /** The name in the country's languages, without repetitions and without the English name. */
  readonly nativeNames: readonly string[];
  readonly capitals: readonly string[];
  readonly subregion?: string;
  /** Square kilometres; absent if the source doesn't have it. */
  readonly area?: number;
  readonly landlocked: boolean;
  readonly unMember: boolean;
  readonly languages: readonly string[];
  readonly currencies: readonly Currency[];
  /** International calling codes such as `+34`. */
  readonly callingCodes: readonly string[];
  readonly internetDomains: readonly string[];
  /** The name for its inhabitants. */
  readonly demonym?: string;
  /** The `code` of every country with a common land border. */
  readonly neighbours: readonly string[];
}

interface Currency {
  readonly code: string;
  readonly name: string;
  readonly symbol?: string;
}
