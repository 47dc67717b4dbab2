/** A piece that was not read yet. */
interface Waiting {
  readonly bytes: Uint8Array;
  /** Says whether it was wanted. */
  settle(isWanted: boolean): void;
}

/** A body that comes in pieces, each answered when it is read: so there is no queue but that of the pieces that wait. */
export class ReceivedBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #waiting: Waiting[] = [];
  readonly #onEnd: () => void;
  #sink: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isAsked = false;

  /** `onEnd`: nothing more is read of it. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.stream = new ReadableStream(
      {
        start: (sink) => {
          this.#sink = sink;
        },
        pull: () => {
          this.#isAsked = true;
          this.#deliver();
        },
        cancel: () => this.#finish(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Pieces that were not read yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Answers, when it is read or nothing will be, whether it was wanted. */
  push(bytes: Uint8Array): Promise<boolean> {
    return new Promise((settle) => {
      if (this.#sink === undefined) return settle(false);
      this.#waiting.push({ bytes, settle });
      this.#deliver();
    });
  }

  /** All of it has come. */
  end(): void {
    this.#sink?.close();
    this.#finish();
  }

  fail(why: Error): void {
    this.#sink?.error(why);
    this.#finish();
  }

  #deliver(): void {
    if (!this.#isAsked) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#isAsked = false;
    this.#sink?.enqueue(next.bytes);
    next.settle(true);
  }

  #finish(): void {
    if (this.#sink === undefined) return;
    this.#sink = undefined;
    for (const { settle } of this.#waiting.splice(0)) settle(false);
    this.#onEnd();
  }
}
