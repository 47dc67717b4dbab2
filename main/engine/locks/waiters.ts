/** The asynchronous waiters of this thread, by lock name. They are notified on release, so that they needn't wait for the next poll. */
const waiters = new Map<string, Set<() => void>>();

/** Wakes all waiters of this thread that wait for `name`. */
export function notify(name: string): void {
  for (const notifyOne of [...(waiters.get(name) ?? [])]) notifyOne();
}

/** Resolves after some milliseconds, or earlier on `notify(name)`. Rejects with the signal's reason. */
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
