/**
 * The views of this thread: what its stores see until the turn of the event loop ends, each a read transaction with what is
 * remembered beside it. `others.ts` opens them.
 *
 * Invariant: nothing that is read after a lock was taken, or after a write, is older than that. So every write and every wait that
 * blocks the thread ends the views of all its stores: a lock in one store guards what is in another one, and who waits keeps no
 * write-ahead log from being emptied.
 */
const open = new Set<() => void>();

/** A view was opened; `end` forgets it again by `viewEnded`. */
export function viewOpened(end: () => void): void {
  open.add(end);
}

export function viewEnded(end: () => void): void {
  open.delete(end);
}

/** Ends the views of all stores of this thread. */
export function endViews(): void {
  if (open.size > 0) for (const end of open) end();
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** A pause that blocks this thread. Milliseconds. */
export function blockFor(ms: number): void {
  endViews();
  Atomics.wait(never, 0, 0, ms);
}
