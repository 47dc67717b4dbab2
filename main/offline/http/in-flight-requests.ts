import { withoutFragment } from '../../http-semantics/fields.ts';
import { getSelectedBy, type Selection, selects, toSelection } from './policy.ts';

/** How a flight ended for those who waited: look into the store again, or go yourself. */
export type JoinOutcome = 'recheck' | 'fetch';

/**
 * One request under way to the origin, and the callers that share it. It is aborted when no caller is left that wants
 * it: the one who began it and every waiter can leave alone. A waiter who was sent away has left, too.
 */
export class InFlightRequest {
  /** Without fragment. */
  readonly url: string;
  readonly isBackground: boolean;
  /** Which requests may select its answer, as far as it is known. */
  #selection: Selection;
  #onSelectionChange = new Set<() => void>();
  readonly #abort = new AbortController();
  readonly #outcome: Promise<JoinOutcome>;
  /** Waiters, and the one who began it. */
  #interestedCount = 1;
  #isInitiatorAttached = true;
  #isSettled = false;
  #resolveOutcome: (how: JoinOutcome) => void = () => {};
  #rejectOutcome: (error: unknown) => void = () => {};
  /** Whether what it brings may still be stored: not after an unsafe request to its URL, nor when a later one was begun. */
  mayStore = true;

  /** `isBackground`: in the background, so no stale response need stand in for it. */
  constructor(url: string, selection: Selection, isBackground: boolean) {
    this.url = url;
    this.#selection = selection;
    this.isBackground = isBackground;
    this.#outcome = new Promise((resolve, reject) => {
      this.#resolveOutcome = resolve;
      this.#rejectOutcome = reject;
    });
    this.#outcome.catch(() => undefined); // often no caller waits
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get selectedBy(): readonly string[] {
    return this.#selection.selectedBy;
  }

  get selection(): string {
    return this.#selection.selection;
  }

  /** Whether a request may select its answer. */
  matches(request: Request): boolean {
    return selects(request, this.#selection);
  }

  /** Its answer has begun and says by what it is selected. */
  setSelection(selection: Selection): void {
    this.#selection = selection;
    for (const onRevealed of [...this.#onSelectionChange]) onRevealed();
  }

  /** Waits for its end, for one's own, or for it to turn out to be another one's. */
  async join(request: Request): Promise<JoinOutcome> {
    const { signal } = request;
    this.#interestedCount++;
    let onRevealed = () => {};
    const isNotMine = new Promise<JoinOutcome>((resolve) => {
      onRevealed = () => this.matches(request) || resolve('recheck');
    });
    this.#onSelectionChange.add(onRevealed);
    try {
      return await rejectOnAbort(Promise.race([this.#outcome, isNotMine]), signal);
    } finally {
      this.#onSelectionChange.delete(onRevealed);
      this.#removeInterest(signal.reason);
    }
  }

  /** The one who began it wants it no more. */
  detach(reason?: unknown): void {
    if (this.#isInitiatorAttached) this.#removeInterest(reason);
    this.#isInitiatorAttached = false;
  }

  /** Sends the waiters away; who began it still has its answer to read. */
  release(how: JoinOutcome): void {
    this.#resolveOutcome(how);
  }

  /** All of its answer is stored: there is nothing left to give up. */
  complete(): void {
    this.#isSettled = true;
    this.#resolveOutcome('recheck');
  }

  fail(error: unknown): void {
    this.#isSettled = true;
    this.#rejectOutcome(error);
  }

  #removeInterest(reason: unknown): void {
    if (--this.#interestedCount === 0 && !this.#isSettled) this.#abort.abort(reason);
  }
}

/** What the promise brings or, as soon as the signal is aborted, its reason. `tooLate` is given what comes after that. */
export function rejectOnAbort<T>(promise: Promise<T>, signal: AbortSignal, onLate = (_: T) => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    promise
      .then((value) => (signal.aborted ? onLate(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener('abort', aborted));
  });
}

/** A response that comes after its caller has gone: its file or connection is released. */
export function cancelBody(response: Response | undefined): void {
  response?.body?.cancel().catch(() => undefined);
}

/** URLs whose `Vary` is remembered; of others it is learned again. */
const MAX_LEARNED_URLS = 1000;

/** Flights of one URL that differ by the same request fields, by what their requests say there. */
interface SelectionGroup {
  readonly selectedBy: readonly string[];
  readonly bySelection: Map<string, InFlightRequest>;
}

/**
 * The requests under way that others may join, and those whose answers are on the way to the disk. Requests that will select
 * different responses don't wait for each other: those with other credentials from the beginning, those that differ in a field of
 * `Vary` as soon as an answer has told of it.
 */
export class InFlightRequests {
  /** By URL without fragment. */
  readonly #joinable = new Map<string, SelectionGroup[]>();
  readonly #storing = new Set<InFlightRequest>();
  /** By what the latest response of a URL is selected. */
  readonly #selectedByOfUrl = new Map<string, readonly string[]>();
  /** All over one store: what is overtaken is in all of them. */
  readonly #siblings: Set<InFlightRequests>;

  constructor(family: Set<InFlightRequests> = new Set()) {
    this.#siblings = family.add(this);
  }

  /** Others over the same store, which are not joined with these. */
  createSibling(): InFlightRequests {
    return new InFlightRequests(this.#siblings);
  }

  /** Begins a flight for a request. What was asked for before it by an equal request is not stored after it. */
  start(request: Request, isBackground: boolean): InFlightRequest {
    const url = withoutFragment(request.url);
    const flight = new InFlightRequest(
      url,
      toSelection(request, this.#selectedByOfUrl.get(url) ?? getSelectedBy()),
      isBackground,
    );
    for (const flights of this.#siblings) {
      for (const it of flights.#storing) if (it.url === url && it.matches(request)) it.mayStore = false;
      const before = flights.find(request);
      if (before === undefined) continue;
      before.mayStore = false;
      if (flights === this) this.removeJoinable(before);
    }
    this.#add(flight);
    return flight;
  }

  /** A flight whose answer the request may turn out to select. */
  find(request: Request): InFlightRequest | undefined {
    for (const { selectedBy, bySelection } of this.#joinable.get(withoutFragment(request.url)) ?? []) {
      const flight = bySelection.get(toSelection(request, selectedBy).selection);
      if (flight !== undefined) return flight;
    }
    return undefined;
  }

  /** Its answer has begun, and says by what it is selected: who waits and won't select it goes on. */
  updateSelection(flight: InFlightRequest, request: Request, response: Headers): void {
    const isJoinable = this.removeJoinable(flight);
    const selectedBy = getSelectedBy(response);
    this.#selectedByOfUrl.delete(flight.url);
    this.#selectedByOfUrl.set(flight.url, selectedBy);
    const [oldest] = this.#selectedByOfUrl.keys();
    if (this.#selectedByOfUrl.size > MAX_LEARNED_URLS && oldest !== undefined) this.#selectedByOfUrl.delete(oldest);
    flight.setSelection(toSelection(request, selectedBy));
    if (isJoinable) this.#add(flight);
  }

  /** Its answer is on the way to the disk. */
  startStoring(flight: InFlightRequest): void {
    this.#storing.add(flight);
  }

  endStoring(flight: InFlightRequest): void {
    this.#storing.delete(flight);
  }

  /** From now on it can't be joined. Returns whether it could be. */
  removeJoinable(flight: InFlightRequest): boolean {
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
  invalidate(url?: string): void {
    for (const flights of this.#siblings) flights.#invalidateOwn(url);
  }

  #invalidateOwn(url: string | undefined): void {
    const joinable = url === undefined ? [...this.#joinable.values()].flat() : (this.#joinable.get(url) ?? []);
    const flights = [...joinable.flatMap(({ bySelection }) => [...bySelection.values()]), ...this.#storing];
    for (const flight of flights) if (url === undefined || flight.url === url) flight.mayStore = false;
    if (url === undefined) this.#joinable.clear();
    else this.#joinable.delete(url);
  }

  #add(flight: InFlightRequest): void {
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
