import { describe, expect, expectTypeOf, it } from 'vitest';
import type { BatchStep } from '../../protocol/batch.ts';
import type { CacheContract } from '../../protocol/contract/cache.ts';
import { cache, deque, fanout, index } from '../../protocol/stores.ts';
import { errorMatching } from '../matchers.ts';
import { openBridge } from './bridge-fixture.ts';

const stores = { api: cache(), shards: fanout(), settings: index(), outbox: deque() };

describe('a batch', () => {
  it('takes the methods of its store with their arguments, by their types', () => {
    type Steps = BatchStep<CacheContract<string, number>, string, number>;
    expectTypeOf<{ set: ['a', 1] }>().toExtend<Steps>();
    expectTypeOf<{ set: ['a', 1, { ttl: 5 }] }>().toExtend<Steps>();
    expectTypeOf<{ if: { key: 'a'; equals: 1 } }>().toExtend<Steps>();
    expectTypeOf<{ set: ['a', 'text'] }>().not.toExtend<Steps>();
    expectTypeOf<{ check: [] }>().not.toExtend<Steps>();
    expectTypeOf<{ if: { key: 'a' } }>().not.toExtend<Steps>();
  });

  it.each(['api', 'shards', 'settings'] as const)(
    'is all or nothing, and says what each step gave: %s',
    async (name) => {
      using bridge = openBridge({ stores });
      const store = bridge.diskCache.cache<string, unknown>(name);
      await store.set('stock', 3);
      const sell = (expected: number) =>
        store.batch([
          { if: { key: 'stock', equals: expected } },
          { set: ['stock', expected - 1] },
          { if: { key: 'order', absent: true } },
          { set: ['order', { of: 'shoes' }] },
          { get: ['stock'] },
        ]);
      expect(await sell(4)).toEqual({ committed: false, failed: 0 });
      expect(await sell(3)).toEqual({ committed: true, results: [undefined, undefined, undefined, undefined, 2] });
      // The second condition fails after something was written: that is undone.
      expect(await sell(2)).toEqual({ committed: false, failed: 2 });
      expect(await store.getMany(['stock', 'order'])).toEqual([2, { of: 'shoes' }]);
    },
  );

  it('compares deeply, and tells a missing item from one that is undefined', async () => {
    using bridge = openBridge({ stores });
    const { diskCache } = bridge;
    await diskCache.setMany([
      ['object', { list: [1, new Date(5)] }],
      ['undefined', undefined],
      ['zero', 0],
    ]);
    const holds = async (condition: object) => (await diskCache.batch([{ if: condition as never }])).committed;
    expect(await holds({ key: 'object', equals: { list: [1, new Date(5)] } })).toBe(true);
    expect(await holds({ key: 'object', equals: { list: [1, new Date(6)] } })).toBe(false);
    expect(await holds({ key: 'zero', equals: -0 })).toBe(false);
    expect(await holds({ key: 'undefined', equals: undefined })).toBe(true);
    expect(await holds({ key: 'undefined', exists: true })).toBe(true);
    expect(await holds({ key: 'none', equals: undefined })).toBe(false);
    expect(await holds({ key: 'none', exists: true })).toBe(false);
    expect(await holds({ key: 'none', absent: true })).toBe(true);
  });

  it('works on a deque, where keys are indices', async () => {
    using bridge = openBridge({ stores });
    const outbox = bridge.diskCache.deque<string>('outbox');
    await outbox.push('a', 'b');
    const swap = (first: string) =>
      outbox.batch([
        { if: { key: 0, equals: first } },
        { if: { key: -1, exists: true } },
        { shift: [] },
        { push: [first, 'c'] },
      ]);
    expect(await swap('b')).toEqual({ committed: false, failed: 0 });
    expect(await swap('a')).toEqual({ committed: true, results: [undefined, undefined, 'a', 3] });
    expect(await outbox.values()).toEqual(['b', 'a', 'c']);
    expect(await outbox.batch([{ if: { key: 3, absent: true } }, { if: { key: 0, absent: true } }])).toEqual({
      committed: false,
      failed: 1,
    });
  });

  it('that fails is rolled back, rejects with the step’s code and number, and affects no other call of the turn', async () => {
    using bridge = openBridge({ stores });
    const { diskCache } = bridge;
    await diskCache.set('text', 'no number');
    const [before, batch, after] = await Promise.allSettled([
      diskCache.set('before', 1),
      diskCache.batch([{ set: ['inside', 1] }, { incr: ['text'] }]),
      diskCache.set('after', 1),
    ]);
    expect([before.status, after.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(batch).toEqual({ status: 'rejected', reason: errorMatching('BAD_VALUE') });
    expect(String((batch as PromiseRejectedResult).reason)).toContain('Step 1 of a batch');
    expect(await diskCache.getMany(['before', 'inside', 'after'])).toEqual([1, undefined, 1]);
  });

  it.each([
    [{ store: 'api', set: ['k', 1] }, 'BAD_OPTION', /call batch on that store/],
    [{ set: 5 }, 'BAD_OPTION', /as an array/],
    [{ batch: [[]] }, 'BAD_OPTION', /can't be part/],
    [{ check: [] }, 'BAD_OPTION', /can't be part/],
    [{ if: { key: 'k', exists: false } }, 'BAD_OPTION', /condition/],
    [{ if: { key: 'k', equals: 1, absent: true } }, 'BAD_OPTION', /condition/],
    [{ if: { equals: 1 } }, 'BAD_OPTION', /condition/],
    [{}, 'BAD_OPTION', /Step 0/],
    [null, 'BAD_OPTION', /Step 0/],
    [{ constructor: [] }, 'NOT_ALLOWED', /"constructor"/],
    [{ set: [() => 1, 2] }, 'BAD_KEY', /function/],
    [{ if: { key: 'k', equals: () => 1 } }, 'BAD_VALUE', /function/],
  ])('refuses %j as a step, here and in the main process', async (step, code, message) => {
    using bridge = openBridge({ stores });
    const inThePage = await bridge.diskCache.batch([step as never]).catch((error: unknown) => error);
    expect(inThePage).toMatchObject({ code, message: expect.stringMatching(message) });
    if (JSON.stringify(step)?.includes('null') || code.startsWith('BAD_K') || code.startsWith('BAD_V')) return;
    const inMain = await bridge.callOnNewSession('api', 'batch', [step]).catch((error: unknown) => error);
    expect(inMain).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('needs what each of its steps needs', async () => {
    using bridge = openBridge({ stores, grant: { stores: { api: 'read', settings: 'write' } } });
    const { diskCache } = bridge;
    expect(await diskCache.cache('api').batch([{ if: { key: 'k', absent: true } }, { get: ['k'] }])).toEqual({
      committed: true,
      results: [undefined, undefined],
    });
    await expect(diskCache.cache('api').batch([{ get: ['k'] }, { set: ['k', 1] }])).rejects.toEqual(
      errorMatching('NOT_ALLOWED'),
    );
    await expect(diskCache.index('settings').batch([{ set: ['k', 1] }, { clear: [] }])).rejects.toEqual(
      errorMatching('NOT_ALLOWED'),
    );
    expect(await diskCache.index('settings').size).toBe(0);
  });
});
