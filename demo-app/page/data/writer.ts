/** Writes the newest of what it is given; made by `newestWins`. */
export interface Writer<T> {
  write(value: T): void;
  /** Whether something is not on disk yet. */
  readonly busy: boolean;
}

/**
 * A writer without a timer between a change and the disk: the first value is saved at once; while that is under way later
 * values wait, the newest replacing the others. `done` is told when nothing waits any more, `failed` when a save failed.
 * Invariant: at most one save is under way, and the last value given is the last one saved.
 */
export function newestWins<T, R>(
  save: (value: T) => Promise<R>,
  done: (result: R) => void,
  failed: (error: unknown) => void,
): Writer<T> {
  let waiting: { readonly value: T } | undefined;
  let busy = false;

  async function drain(): Promise<void> {
    if (busy) return;
    busy = true;
    let tell = (): void => undefined;
    while (waiting !== undefined) {
      const { value } = waiting;
      waiting = undefined;
      try {
        const result = await save(value);
        tell = () => done(result);
      } catch (error) {
        tell = () => failed(error);
      }
    }
    busy = false;
    tell();
  }

  return {
    write(value) {
      waiting = { value };
      void drain();
    },
    get busy() {
      return busy;
    },
  };
}
