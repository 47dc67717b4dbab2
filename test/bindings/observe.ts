import { expect } from 'vitest';
import type { Observer, Snapshot } from '../../renderer-api/bindings/index.ts';

/** A component, as far as an observer knows it. */
export interface View<T> {
  /** Every snapshot since the subscription, the first one included. */
  readonly seen: Snapshot<T>[];
  readonly now: Snapshot<T>;
  readonly value: T;
  /** Waits until the value is equal to `value`. */
  shows(value: unknown): Promise<void>;
  leave(): void;
}

export function openView<T>(observer: Observer<T>): View<T> {
  const seen = [observer.getSnapshot()];
  const unsubscribe = observer.subscribe(() => void seen.push(observer.getSnapshot()));
  return {
    seen,
    get now() {
      return observer.getSnapshot();
    },
    get value() {
      return observer.getSnapshot().value;
    },
    shows: (value) => expect.poll(() => observer.getSnapshot().value, { interval: 2 }).toEqual(value),
    leave: unsubscribe,
  };
}
