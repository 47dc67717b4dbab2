import { withoutFragment } from './fields.ts';
import { Flight } from './flight.ts';
import { getSelectedBy, toSelection } from './selection.ts';

/** URLs whose `Vary` is remembered; of others it is learned again. */
const MAX_LEARNED = 1000;

/** Flights of one URL that differ by the same request fields, by what their requests say there. */
interface Group {
  readonly selectedBy: readonly string[];
  readonly bySelection: Map<string, Flight>;
}

/**
 * The requests under way that others may join, and those whose answers are on the way to the disk. Requests that will select
 * different responses don't wait for each other: those with other credentials from the beginning, those that differ in a field of
 * `Vary` as soon as an answer has told of it.
 */
export class Flights {
  /** By URL without fragment. */
  readonly #joinable = new Map<string, Group[]>();
  readonly #recordings = new Set<Flight>();
  /** By what the latest response of a URL is selected. */
  readonly #learned = new Map<string, readonly string[]>();
  /** All over one store: what is overtaken is in all of them. */
  readonly #family: Set<Flights>;

  constructor(family: Set<Flights> = new Set()) {
    this.#family = family.add(this);
  }

  /** Others over the same store, which are not joined with these. */
  apart(): Flights {
    return new Flights(this.#family);
  }

  /** Begins a flight for a request. What was asked for before it by an equal request is not stored after it. */
  begin(request: Request, isBehind: boolean): Flight {
    const url = withoutFragment(request.url);
    const flight = new Flight(url, toSelection(request, this.#learned.get(url) ?? getSelectedBy()), isBehind);
    for (const flights of this.#family) {
      for (const it of flights.#recordings) if (it.url === url && it.suits(request)) it.isWanted = false;
      const before = flights.find(request);
      if (before === undefined) continue;
      before.isWanted = false;
      if (flights === this) this.end(before);
    }
    this.#add(flight);
    return flight;
  }

  /** A flight whose answer the request may turn out to select. */
  find(request: Request): Flight | undefined {
    for (const { selectedBy, bySelection } of this.#joinable.get(withoutFragment(request.url)) ?? []) {
      const flight = bySelection.get(toSelection(request, selectedBy).selection);
      if (flight !== undefined) return flight;
    }
    return undefined;
  }

  /** Its answer has begun, and says by what it is selected: who waits and won't select it goes on. */
  reveal(flight: Flight, request: Request, response: Headers): void {
    const isJoinable = this.end(flight);
    const selectedBy = getSelectedBy(response);
    this.#learned.delete(flight.url);
    this.#learned.set(flight.url, selectedBy);
    const [oldest] = this.#learned.keys();
    if (this.#learned.size > MAX_LEARNED && oldest !== undefined) this.#learned.delete(oldest);
    flight.reveal(toSelection(request, selectedBy));
    if (isJoinable) this.#add(flight);
  }

  /** Its answer is on the way to the disk. */
  record(flight: Flight): void {
    this.#recordings.add(flight);
  }

  recorded(flight: Flight): void {
    this.#recordings.delete(flight);
  }

  /** From now on it can't be joined. Returns whether it could be. */
  end(flight: Flight): boolean {
    const groups = this.#joinable.get(flight.url) ?? [];
    const group = groups.find(({ bySelection }) => bySelection.get(flight.selection) === flight);
    if (group === undefined) return false;
    group.bySelection.delete(flight.selection);
    if (group.bySelection.size > 0) return true;
    const left = groups.filter((it) => it !== group);
    if (left.length > 0) this.#joinable.set(flight.url, left);
    else this.#joinable.delete(flight.url);
    return true;
  }

  /** Nothing that is on the way is stored: of a URL, or of all. */
  overtake(url?: string): void {
    for (const flights of this.#family) flights.#overtake(url);
  }

  #overtake(url: string | undefined): void {
    const joinable = url === undefined ? [...this.#joinable.values()].flat() : (this.#joinable.get(url) ?? []);
    const flights = [...joinable.flatMap(({ bySelection }) => [...bySelection.values()]), ...this.#recordings];
    for (const flight of flights) if (url === undefined || flight.url === url) flight.isWanted = false;
    if (url === undefined) this.#joinable.clear();
    else this.#joinable.delete(url);
  }

  #add(flight: Flight): void {
    const groups = this.#joinable.get(flight.url) ?? [];
    const name = flight.selectedBy.join();
    let group = groups.find(({ selectedBy }) => selectedBy.join() === name);
    if (group === undefined) {
      group = { selectedBy: flight.selectedBy, bySelection: new Map() };
      this.#joinable.set(flight.url, [...groups, group]);
    }
    group.bySelection.set(flight.selection, flight);
  }
}
