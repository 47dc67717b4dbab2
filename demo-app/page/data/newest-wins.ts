/**
 * Writes what it is given, without a timer between a change and the disk: the first value is saved at once; while that is
 * under way later values wait, the newest replacing the others. When nothing waits any more `done` or
 * `failed` is told how the last save went.
 * Invariant: at most one save is under way, and the last value given is the last one saved.
 */
export function newestWins<T, R>(
  save: (value: T) => Promise<R>,
  done: (result: R) => void,
  failed: (error: unknown) => void,
): (value: T) => void {
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

  return (value) => {
    waiting = { value };
    void drain();
  };
}
