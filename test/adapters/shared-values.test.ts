import { expect, it } from 'vitest';
import { SharedValues } from '../../main/adapters/shared-values.ts';
import type { StoreChange, ValueStore } from '../../main/adapters/store.ts';

/** A store of a page whose answers come when the test says so. */
class SlowStore implements ValueStore {
  value: unknown;
  readonly reads: { answer(): void; fail(error: unknown): void }[] = [];
  onChange: (change: StoreChange) => void = () => undefined;

  get(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // The value at the moment at which the main process read it.
      const { value } = this;
      this.reads.push({ answer: () => resolve(value), fail: reject });
    });
  }

  async set(_key: string, value: unknown): Promise<void> {
    this.value = value;
  }

  async delete(): Promise<void> {
    this.value = undefined;
  }

  subscribe(listener: (change: StoreChange) => void): () => void {
    this.onChange = listener;
    return () => undefined;
  }

  /** Another window sets the value. */
  setElsewhere(value: unknown): void {
    this.value = value;
    this.onChange({ kind: 'set', key: 'a' });
  }

  /** Resolves the oldest read, and waits until that is seen. */
  async answer(): Promise<void> {
    this.reads.shift()!.answer();
    await Promise.resolve();
    await Promise.resolve();
  }
}

function follow(onError?: (error: unknown) => void) {
  const store = new SlowStore();
  const values = new SharedValues(store, onError);
  const told: unknown[] = [];
  const unfollow = values.follow('a', (value) => told.push(value));
  return { store, values, told, unfollow };
}

it('delivers a change of another window, once', async () => {
  const { store, told } = follow();
  store.setElsewhere(1);
  await store.answer();
  store.onChange({ kind: 'set', key: 'a' });
  await store.answer();
  expect(told).toEqual([1]);
});

it('does not deliver an older value that arrives after this window has written a newer one', async () => {
  const { store, values, told } = follow();
  store.setElsewhere('theirs');
  await values.write('a', 'mine');
  await store.answer();
  expect(told).toEqual([]);
  await store.answer();
  expect(told).toEqual([]);
  expect(store.reads).toEqual([]);
});

it('gives a reader what this window has written while it waited', async () => {
  const { store, values } = follow();
  store.value = 'theirs';
  const read = values.read('a');
  await values.write('a', 'mine');
  await store.answer();
  await store.answer();
  expect(await read).toBe('mine');
});

it('does not deliver its own writes, nor changes of other keys', async () => {
  const { store, values, told } = follow();
  await values.write('a', { n: 1 });
  store.value = { n: 1 };
  store.onChange({ kind: 'set', key: 'a' });
  await store.answer();
  store.onChange({ kind: 'set', key: 'ab' });
  expect([told, store.reads]).toEqual([[], []]);
});

it('reads again when changes were lost, and when everything was cleared', async () => {
  const { store, told } = follow();
  store.value = 1;
  store.onChange({ kind: 'reset' });
  await store.answer();
  store.value = undefined;
  store.onChange({ kind: 'clear' });
  await store.answer();
  expect(told).toEqual([1, undefined]);
});

it('delivers what changed between an earlier read and the subscription', async () => {
  const store = new SlowStore();
  const values = new SharedValues(store);
  const read = values.read('a');
  await store.answer();
  expect(await read).toBeUndefined();
  store.value = 1;
  const told: unknown[] = [];
  values.follow('a', (value) => told.push(value));
  await store.answer();
  expect(told).toEqual([1]);
});

it('delivers nothing after it was unsubscribed, and passes a failed read to onError', async () => {
  const errors: unknown[] = [];
  const { store, told, unfollow } = follow((error) => errors.push(error));
  store.onChange({ kind: 'set', key: 'a' });
  store.reads.shift()!.fail('unreadable');
  await expect.poll(() => errors).toEqual(['unreadable']);
  store.setElsewhere(1);
  unfollow();
  await store.answer();
  expect(told).toEqual([]);
});
