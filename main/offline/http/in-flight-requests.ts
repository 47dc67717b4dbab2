import { withoutFragment } from '../../http-semantics/fields.ts';
import { getSelectedBy, type Selection, selects, toSelection } from './policy.ts';

/** What a waiter does next: read the store again, or send its own request. */
export type JoinOutcome = 'recheck' | 'fetch';

/**
 * One request under way to the origin, and the callers that share it: its initiator and the waiters that have joined it. Each can
 * leave alone; the request is aborted when all have left. A waiter that was released has left, too.
 */
export class InFlightRequest {
  /** Without fragment. */
  readonly url: string;
  readonly isBackground: boolean;
  /** Which requests may select its response, as far as that is known. */
  #selection: Selection;
  readonly #selectionListeners = new Set<() => void>();
  readonly #abort = new AbortController();
  readonly #outcome: Promise<JoinOutcome>;
  /** The waiters and the initiator. */
  #interestedCount = 1;
  #isInitiatorAttached = true;
  #isSettled = false;
  #resolveOutcome: (outcome: JoinOutcome) => void = () => {};
  #rejectOutcome: (error: unknown) => void = () => {};
  /** Whether its response may still be stored: not after an unsafe request to its URL, nor after a later equal request has started. */
  mayStore = true;

  /** A background request (`isBackground`) has no reader, so its failure needs no stale response. */
  constructor(url: string, selection: Selection, isBackground: boolean) {
    this.url = url;
    this.#selection = selection;
    this.isBackground = isBackground;
    this.#outcome = new Promise((resolve, reject) => {
      this.#resolveOutcome = resolve;
      this.#rejectOutcome = reject;
    });
    this.#outcome.catch(() => undefined); // often there is no waiter
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

  /** Whether a request may select its response. */
  matches(request: Request): boolean {
    return selects(request, this.#selection);
  }

  /** Called when its response has begun and says which fields select it. */
  setSelection(selection: Selection): void {
    this.#selection = selection;
    for (const listener of [...this.#selectionListeners]) listener();
  }

  /** Waits until it ends, `request` is aborted, or its response turns out to be for other requests. */
  async join(request: Request): Promise<JoinOutcome> {
    const { signal } = request;
    this.#interestedCount++;
    let onSelectionChange = () => {};
    const mismatch = new Promise<JoinOutcome>((resolve) => {
      onSelectionChange = () => this.matches(request) || resolve('recheck');
    });
    this.#selectionListeners.add(onSelectionChange);
    try {
      return await rejectOnAbort(Promise.race([this.#outcome, mismatch]), signal);
    } finally {
      this.#selectionListeners.delete(onSelectionChange);
      this.#removeInterest(signal.reason);
    }
  }

  /** The initiator leaves. */
  detach(reason?: unknown): void {
    if (this.#isInitiatorAttached) this.#removeInterest(reason);
    this.#isInitiatorAttached = false;
  }

  /** Releases the waiters; the initiator still reads its response. */
  release(outcome: JoinOutcome): void {
    this.#resolveOutcome(outcome);
  }

  /** Its whole response is stored, so leaving aborts nothing any more. */
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

/** Settles as `promise`, or rejects with the reason of `signal` as soon as that is aborted. `onLate` gets a value that comes after that. */
export function rejectOnAbort<T>(promise: Promise<T>, signal: AbortSignal, onLate = (_: T) => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise
      .then((value) => (signal.aborted ? onLate(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Releases the file or connection behind a response that is not read. */
export function cancelBody(response: Response | undefined): void {
  response?.body?.cancel().catch(() => undefined);
}

/** URLs whose `Vary` is cached; for others it is learned again. */
const MAX_LEARNED_URLS = 1000;

/** In-flight requests for one URL that are selected by the same request fields, by the values of those fields. */
interface SelectionGroup {
  readonly selectedBy: readonly string[];
  readonly bySelection: Map<string, InFlightRequest>;
}

/**
 * The requests that others may join, and those whose responses are being stored. Requests that select different responses don't wait
 * for each other: with different credentials from the start; with different values of a field of `Vary` as soon as a response names it.
 */
export class InFlightRequests {
  /** By URL without fragment. */
  readonly #joinable = new Map<string, SelectionGroup[]>();
  readonly #storing = new Set<InFlightRequest>();
  /** The request fields that select the latest response of a URL. */
  readonly #selectedByOfUrl = new Map<string, readonly string[]>();
  /** All collections over one store: a new request supersedes equal ones in each of them. */
  readonly #siblings: Set<InFlightRequests>;

  constructor(siblings: Set<InFlightRequests> = new Set()) {
    this.#siblings = siblings.add(this);
  }

  /** Returns a collection over the same store whose requests are not joined with these. */
  createSibling(): InFlightRequests {
    return new InFlightRequests(this.#siblings);
  }

  /** Starts an in-flight request. The response to an earlier equal request is not stored after it. */
  start(request: Request, isBackground: boolean): InFlightRequest {
    const url = withoutFragment(request.url);
    const inFlight = new InFlightRequest(
      url,
      toSelection(request, this.#selectedByOfUrl.get(url) ?? getSelectedBy()),
      isBackground,
    );
    for (const sibling of this.#siblings) {
      for (const it of sibling.#storing) if (it.url === url && it.matches(request)) it.mayStore = false;
      const earlier = sibling.find(request);
      if (earlier === undefined) continue;
      earlier.mayStore = false;
      if (sibling === this) this.removeJoinable(earlier);
    }
    this.#add(inFlight);
    return inFlight;
  }

  /** Returns an in-flight request whose response `request` may select. */
  find(request: Request): InFlightRequest | undefined {
    for (const { selectedBy, bySelection } of this.#joinable.get(withoutFragment(request.url)) ?? []) {
      const inFlight = bySelection.get(toSelection(request, selectedBy).selection);
      if (inFlight !== undefined) return inFlight;
    }
    return undefined;
  }

  /** Takes over which fields select the response that has begun; waiters that don't select it stop waiting. */
  updateSelection(inFlight: InFlightRequest, request: Request, response: Headers): void {
    const isJoinable = this.removeJoinable(inFlight);
    const selectedBy = getSelectedBy(response);
    this.#selectedByOfUrl.delete(inFlight.url);
    this.#selectedByOfUrl.set(inFlight.url, selectedBy);
    const [oldest] = this.#selectedByOfUrl.keys();
    if (this.#selectedByOfUrl.size > MAX_LEARNED_URLS && oldest !== undefined) this.#selectedByOfUrl.delete(oldest);
    inFlight.setSelection(toSelection(request, selectedBy));
    if (isJoinable) this.#add(inFlight);
  }

  /** Its response is being stored from now on. */
  startStoring(inFlight: InFlightRequest): void {
    this.#storing.add(inFlight);
  }

  endStoring(inFlight: InFlightRequest): void {
    this.#storing.delete(inFlight);
  }

  /** Makes it impossible to join it. Returns whether it was possible. */
  removeJoinable(inFlight: InFlightRequest): boolean {
    const groups = this.#joinable.get(inFlight.url) ?? [];
    const group = groups.find(({ bySelection }) => bySelection.get(inFlight.selection) === inFlight);
    if (group === undefined) return false;
    group.bySelection.delete(inFlight.selection);
    if (group.bySelection.size > 0) return true;
    const remaining = groups.filter((it) => it !== group);
    if (remaining.length > 0) this.#joinable.set(inFlight.url, remaining);
    else this.#joinable.delete(inFlight.url);
    return true;
  }

  /** Keeps the responses that are under way, of one URL or of all, from being stored. */
  invalidate(url?: string): void {
    for (const sibling of this.#siblings) sibling.#invalidateOwn(url);
  }

  #invalidateOwn(url: string | undefined): void {
    const joinable = url === undefined ? [...this.#joinable.values()].flat() : (this.#joinable.get(url) ?? []);
    const all = [...joinable.flatMap(({ bySelection }) => [...bySelection.values()]), ...this.#storing];
    for (const it of all) if (url === undefined || it.url === url) it.mayStore = false;
    if (url === undefined) this.#joinable.clear();
    else this.#joinable.delete(url);
  }

  #add(inFlight: InFlightRequest): void {
    const groups = this.#joinable.get(inFlight.url) ?? [];
    const name = inFlight.selectedBy.join();
    let group = groups.find(({ selectedBy }) => selectedBy.join() === name);
    if (group === undefined) {
      group = { selectedBy: inFlight.selectedBy, bySelection: new Map() };
      this.#joinable.set(inFlight.url, [...groups, group]);
    }
    group.bySelection.set(inFlight.selection, inFlight);
  }
}
