import { type Selection, selects } from './selection.ts';

/** How a flight ended for those who waited: look into the store again, or go yourself. */
export type Landing = 'look' | 'go';

/**
 * One request under way to the origin, and who waits for what it brings. The request is given up when nobody is left who wants
 * it: the one who began it and every waiter can leave alone. A waiter who was sent away has left, too.
 */
export class Flight {
  /** Without fragment. */
  readonly url: string;
  readonly isBehind: boolean;
  /** Which requests may select its answer, as far as it is known. */
  #selection: Selection;
  #onRevealed = new Set<() => void>();
  readonly #abort = new AbortController();
  readonly #landed: Promise<Landing>;
  /** Waiters, and the one who began it. */
  #interested = 1;
  #isLed = true;
  #hasArrived = false;
  #land: (how: Landing) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  /** Whether what it brings may still be stored: not after an unsafe request to its URL, nor when a later one was begun. */
  isWanted = true;

  /** `isBehind`: nobody waits for its answer, so nothing need stand in for it. */
  constructor(url: string, selection: Selection, isBehind: boolean) {
    this.url = url;
    this.#selection = selection;
    this.isBehind = isBehind;
    this.#landed = new Promise((resolve, reject) => {
      this.#land = resolve;
      this.#fail = reject;
    });
    this.#landed.catch(() => undefined); // often nobody waits
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
  suits(request: Request): boolean {
    return selects(request, this.#selection);
  }

  /** Its answer has begun and says by what it is selected. */
  reveal(selection: Selection): void {
    this.#selection = selection;
    for (const onRevealed of [...this.#onRevealed]) onRevealed();
  }

  /** Waits for its end, for one's own, or for it to turn out to be another one's. */
  async join(request: Request): Promise<Landing> {
    const { signal } = request;
    this.#interested++;
    let onRevealed = () => {};
    const isNotMine = new Promise<Landing>((resolve) => {
      onRevealed = () => this.suits(request) || resolve('look');
    });
    this.#onRevealed.add(onRevealed);
    try {
      return await orAborted(Promise.race([this.#landed, isNotMine]), signal);
    } finally {
      this.#onRevealed.delete(onRevealed);
      this.#leave(signal.reason);
    }
  }

  /** The one who began it wants it no more. */
  abandon(reason?: unknown): void {
    if (this.#isLed) this.#leave(reason);
    this.#isLed = false;
  }

  /** Sends the waiters away; who began it still has its answer to read. */
  land(how: Landing): void {
    this.#land(how);
  }

  /** All of its answer is stored: there is nothing left to give up. */
  arrive(): void {
    this.#hasArrived = true;
    this.#land('look');
  }

  fail(error: unknown): void {
    this.#hasArrived = true;
    this.#fail(error);
  }

  #leave(reason: unknown): void {
    if (--this.#interested === 0 && !this.#hasArrived) this.#abort.abort(reason);
  }
}

/** What the promise brings or, as soon as the signal is aborted, its reason. `tooLate` is given what comes after that. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal, tooLate = (_: T) => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    promise
      .then((value) => (signal.aborted ? tooLate(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener('abort', aborted));
  });
}

/** A response that comes too late for who asked: nobody reads it, so its file or its connection is let go. */
export function unread(response: Response | undefined): void {
  response?.body?.cancel().catch(() => undefined);
}
