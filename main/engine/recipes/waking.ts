/** Those of this thread who wait in turn, by what they wait for: told when somebody leaves, so that they need not look. */
const sleepers = new Map<string, Set<() => void>>();

/** Ends the pauses of all in this thread who wait for `name`. */
export function wake(name: string): void {
  for (const rouse of [...(sleepers.get(name) ?? [])]) rouse();
}

/** A pause while the event loop turns. Ends early at `wake(name)`; rejects with the signal's reason. */
export function pauseInTurn(ms: number, signal?: AbortSignal, name?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = name === undefined ? () => {} : register(name, end);
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      leave();
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    }
  });
}

function register(name: string, rouse: () => void): () => void {
  const here = sleepers.get(name) ?? new Set();
  sleepers.set(name, here.add(rouse));
  return () => {
    here.delete(rouse);
    if (here.size === 0 && sleepers.get(name) === here) sleepers.delete(name);
  };
}
