import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFixture } from './store-fixture.ts';

describe('background recomputation of a memoized function', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const endless = () => new Promise(() => {});

  it('ends with the store', () => {
    using opened = openFixture();
    void opened.cache.memoize(async () => endless(), { name: 'endless' })();
    opened.cache.close();
    expect(() => vi.advanceTimersByTime(60_000)).not.toThrow();
  });

  it('fails no call while another process writes', () => {
    using opened = openFixture({ timeout: 0 });
    const other = opened.openAnother();
    void opened.cache.memoize(async () => endless(), { name: 'endless' })();
    expect(() => other.transact(() => vi.advanceTimersByTime(15_000))).not.toThrow();
  });
});

it('a memoized function that ends after the store was closed rejects with CLOSED or returns its result', async () => {
  using opened = openFixture();
  let finish: (value: number) => void = () => {};
  const running = opened.cache.memoize(() => new Promise<number>((resolve) => (finish = resolve)), { name: 'late' })();
  opened.cache.close();
  finish(7);
  const outcome = await running.catch((error: { code?: string }) => error.code);
  expect([7, 'CLOSED']).toContain(outcome);
});
