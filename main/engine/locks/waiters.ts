/** Those of this thread who wait in turn, by what they wait for: told when somebody leaves, so that they need not look. */
const waiters = new Map<string, Set<() => void>>();

/** Ends the pauses of all in this thread who wait for `name`. */
export function notify(name: string): void {
  for (const notifyOne of [...(waiters.get(name) ?? [])]) notifyOne();
}

/** A pause while the event loop turns. Ends early at `wake(name)`; rejects with the signal's reason. */
export function sleep(ms: number, signal?: AbortSignal, name?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const unregister = name === undefined ? () => {} : register(name, end);
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      unregister();
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    }
  });
}

function register(name: string, wakeUp: () => void): () => void {
  const callbacks = waiters.get(name) ?? new Set();
  waiters.set(name, callbacks.add(wakeUp));
  return () => {
    callbacks.delete(wakeUp);
    if (callbacks.size === 0 && waiters.get(name) === callbacks) waiters.delete(name);
  };
}
