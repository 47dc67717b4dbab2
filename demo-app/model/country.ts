/** A country as the list and the map show it. */
export interface CountrySummary {
  /** ISO 3166-1 alpha-3, the country's name everywhere in Atlas: in addresses, notes and neighbours. */
  readonly code: string;
  /** ISO 3166-1 alpha-2, the flag's name. */
  readonly alpha2: string;
  /** ISO 3166-1 numeric, the shape's id on the map; absent for Kosovo, which has none. */
  readonly numeric?: string;
  readonly name: string;
  readonly capital?: string;
  readonly region: string;
  /** Degrees: longitude, then latitude. */
  readonly centre: readonly [longitude: number, latitude: number];
}

/** A country as its own page shows it. */
export interface CountryDetail extends CountrySummary {
  readonly officialName: string;
  /** What its people call it, without repetitions and without the English name. */
  readonly nativeNames: readonly string[];
  readonly capitals: readonly string[];
  readonly subregion?: string;
  /** Square kilometres; absent where the source does not know it. */
  readonly area?: number;
  readonly landlocked: boolean;
  readonly unMember: boolean;
  readonly languages: readonly string[];
  readonly currencies: readonly Currency[];
  /** International calling codes such as `+34`. */
  readonly callingCodes: readonly string[];
  readonly internetDomains: readonly string[];
  /** What one of its people is called. */
  readonly demonym?: string;
  /** The `code` of every country it has a land border with. */
  readonly neighbours: readonly string[];
}

interface Currency {
  readonly code: string;
  readonly name: string;
  readonly symbol?: string;
}
