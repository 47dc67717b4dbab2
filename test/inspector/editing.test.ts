import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cache, Deque, Index, Settings } from '../../main/engine/index.ts';
import type { Inspection } from '../../main/inspector/inspection.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { inspect } from './inspect.ts';

let cache: Cache;
let inspection: Inspection;
beforeEach(() => {
  cache = new Cache(freshDirectory());
  inspection = inspect({ cache }, { write: true });
});
afterEach(() => {
  inspection.close();
  cache.close();
});

describe('writing', () => {
  it.each([
    ['set', { store: 'cache', key: 'k', value: 1 }],
    ['delete', { store: 'cache', key: 'k' }],
    ['undo', {}],
    ['repair', { store: 'cache' }],
    ['job', { store: 'cache', id: 1, action: 'retry' }],
    ['pause', { store: 'cache', isPaused: true }],
    ['forget', { store: 'cache', partition: '', url: 'https://a.example/' }],
  ] as const)('refuses %s unless writing is allowed', async (method, params) => {
    cache.set('k', 'before');
    await expect(inspect({ cache }).call(method, params)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(cache.get('k')).toBe('before');
  });

  it('changes a value, keeps expiry and tag, and takes it back', async () => {
    cache.set('k', { a: 1 }, { expiresAt: Date.now() + 60_000, tag: 'letters' });
    const { expiresAt } = cache.getEntry('k')!;
    expect(await inspection.call('set', { store: 'cache', key: 'k', value: { $bigint: '7' } })).toEqual({
      undo: 'Change of k in cache',
    });
    expect(cache.getEntry('k')).toMatchObject({ value: 7n, expiresAt, tag: 'letters' });
    expect(await inspection.call('undo', {})).toEqual({});
    expect(cache.getEntry('k')).toMatchObject({ value: { a: 1 }, expiresAt, tag: 'letters' });
  });

  it('deletes, and puts back with expiry and tag', async () => {
    cache.set(['k'], new Uint8Array(100_000), { tag: 1 });
    await inspection.call('delete', { store: 'cache', key: ['k'] });
    expect(cache.has(['k'])).toBe(false);
    await inspection.call('undo', {});
    expect(cache.getEntry(['k'])).toMatchObject({ value: new Uint8Array(100_000), tag: 1, expiresAt: undefined });
  });

  it('doesn’t take back what has changed since', async () => {
    await inspection.call('set', { store: 'cache', key: 'k', value: 1 });
    cache.set('k', 2);
    await expect(inspection.call('undo', {})).rejects.toMatchObject({
      message: expect.stringMatching(/changed since/),
    });
    expect(cache.get('k')).toBe(2);
  });

  it('takes several edits back, the last one first', async () => {
    for (const value of [1, 2, 3]) await inspection.call('set', { store: 'cache', key: 'k', value });
    for (const value of [2, 1, undefined]) {
      await inspection.call('undo', {});
      expect(cache.get('k')).toBe(value);
    }
    await expect(inspection.call('undo', {})).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it('edits an index, settings and a deque', async () => {
    using index = new Index(freshDirectory());
    using settings = new Settings<{ window: { width: number } }>(freshDirectory(), {
      defaults: { window: { width: 800 } },
    });
    using deque = new Deque(freshDirectory());
    deque.push('a', 'b');
    const all = inspect({ index, settings: settings as Settings<object>, deque }, { write: true });
    await all.call('set', { store: 'index', key: 7, value: { $map: [['a', 1]] } });
    await all.call('set', { store: 'settings', key: ['window', 'width'], value: 900 });
    await all.call('set', { store: 'deque', key: 1, value: 'c' });
    expect(index.get(7)).toEqual(new Map([['a', 1]]));
    expect(settings.get('window.width')).toBe(900);
    expect([...deque.values()]).toEqual(['a', 'c']);
    for (let edit = 0; edit < 3; edit++) await all.call('undo', {});
    expect(index.has(7)).toBe(false);
    expect(settings.get('window.width')).toBe(800);
    expect([...deque.values()]).toEqual(['a', 'b']);
    await expect(all.call('delete', { store: 'deque', key: 0 })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });

  it('changes nothing for a value that can’t be one', async () => {
    cache.set('k', 1);
    await expect(
      inspection.call('set', { store: 'cache', key: 'k', value: { $bigint: 'not a number' } }),
    ).rejects.toThrow();
    expect(cache.get('k')).toBe(1);
  });
});

describe('check', () => {
  it('finds nothing in a store that is whole, and is there for reading', async () => {
    cache.set('k', 1);
    expect(await inspect({ cache }).call('check', { store: 'cache' })).toEqual({ findings: [] });
  });
});

describe('jobs', () => {
  it('lists them by state, lets dead ones run again, removes and pauses', async () => {
    using queue = new Queue(freshDirectory());
    const all = inspect({ queue }, { write: true });
    const { id } = queue.enqueue({ to: 'Ada' }, { group: ['letters'] });
    queue.enqueue('later', { delay: 60_000 });
    expect(await all.call('jobs', { store: 'queue', state: 'ready' })).toMatchObject({
      counts: { ready: 1, delayed: 1 },
      isPaused: false,
      jobs: [{ id, attempts: 0, group: ['letters'], payload: { children: [['to', { text: '"Ada"' }]] } }],
    });
    await all.call('pause', { store: 'queue', isPaused: true });
    expect(queue.paused).toBe(true);
    await all.call('pause', { store: 'queue', isPaused: false });
    expect(await all.call('job', { store: 'queue', id, action: 'retry' })).toEqual({ isDone: false });
    expect(await all.call('job', { store: 'queue', id, action: 'remove' })).toEqual({ isDone: true });
    expect(queue.get(id)).toBeUndefined();
    await expect(all.call('jobs', { store: 'queue', state: 'lost' })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});
