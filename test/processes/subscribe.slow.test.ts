import { beforeAll, describe, expect, it, vi } from 'vitest';
import { Cache, type Change } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { type PoolWorker, runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

/** Until it is so: other processes' changes arrive soon, and how soon is a matter of the machine. */
const waitUntil = (check: () => unknown) => vi.waitFor(check, { timeout: 20_000, interval: 10 });

describe.each(WORKER_KINDS)('changes made by %s', (kind) => {
  let others: PoolWorker[];
  beforeAll(() => {
    others = startWorkers(kind, 4);
  });

  it('arrive in order, each with its reason', async () => {
    using cache = new Cache(freshDirectory());
    const other = others[0]!;
    await other.run('open', cache.directory);
    const changes: Change[] = [];
    cache.subscribe((change) => changes.push(change));
    cache.set('mine', 1, { ttl: 1 });
    expect(changes).toEqual([{ kind: 'set', key: 'mine' }]);

    await other.run('run', [
      ['set', 'a', 1],
      ['set', 'a', 2],
      ['set', ['b', 1n], 'x'.repeat(50_000), { tag: 't' }],
      ['delete', 'a'],
      ['delete', 'never there'],
      ['evict', 't'],
      ['clear'],
      ['set', 'last', 1],
    ]);
    await waitUntil(() => expect(changes.at(-1)).toEqual({ kind: 'set', key: 'last' }));
    // Expired items are deleted with the next write or poll, by any process.
    expect(changes.filter(({ key }) => key !== 'mine')).toEqual([
      { kind: 'set', key: 'a' },
      { kind: 'set', key: 'a' },
      { kind: 'set', key: ['b', 1n] },
      { kind: 'delete', key: 'a' },
      { kind: 'evict', key: ['b', 1n] },
      { kind: 'clear' },
      { kind: 'set', key: 'last' },
    ]);
    expect(changes).toContainEqual({ kind: 'expire', key: 'mine' });
  });

  it('all arrive, from several writers at once, each writer’s in order', async () => {
    using cache = new Cache(freshDirectory());
    await runOnAll(others, 'open', cache.directory);
    const changes: Change[] = [];
    cache.subscribe((change) => changes.push(change));
    await Promise.all(others.map((other, n) => other.run('setAll', `writer ${n}`, 150)));
    await waitUntil(() => expect(changes).toHaveLength(4 * 150));
    for (const n of [0, 1, 2, 3]) {
      const turns = changes.map(({ key }) => key as [string, number]).filter(([writer]) => writer === `writer ${n}`);
      expect(turns.map(([, turn]) => turn)).toEqual(Array.from({ length: 150 }, (_, turn) => turn));
    }
  });

  it('reach every listener with a matching prefix until it unsubscribes', async () => {
    using cache = new Cache(freshDirectory());
    const [one, two, writer] = others;
    await runOnAll([one!, two!, writer!], 'open', cache.directory);
    await one!.run('watch');
    await two!.run('watch', ['user']);
    const mine: Change[] = [];
    const stop = cache.subscribe((change) => mine.push(change), { prefix: 'user' });
    await writer!.run('run', [
      ['set', ['user', 1], 1],
      ['set', 'user 2', 1],
      ['set', 'other', 1],
      ['set', ['users', 1], 1],
    ]);
    await waitUntil(async () => expect(await one!.run('watched')).toHaveLength(4));
    await waitUntil(async () => expect(await two!.run('watched')).toEqual([{ kind: 'set', key: ['user', 1] }]));
    await waitUntil(() => expect(mine).toEqual([{ kind: 'set', key: 'user 2' }]));
    stop();
    await writer!.run('set', 'user 3', 1);
    await waitUntil(async () => expect(await one!.run('watched')).toHaveLength(5));
    expect(mine).toHaveLength(1);
  });

  it('of a process that ended in the middle of a transaction never arrive', async () => {
    using cache = new Cache(freshDirectory());
    const [victim] = startWorkers(kind, 1);
    await runOnAll([victim!, others[0]!], 'open', cache.directory);
    const changes: Change[] = [];
    cache.subscribe((change) => changes.push(change));
    await victim!.run('set', 'k', 'first');
    void victim!.run('holdLock', 'k', 'lost', `${cache.directory}/never`);
    await victim!.waitForSignal('holding');
    await victim!.kill();
    await others[0]!.run('set', 'after', 1);
    await waitUntil(() => expect(changes.at(-1)).toEqual({ kind: 'set', key: 'after' }));
    expect(changes).toEqual([
      { kind: 'set', key: 'k' },
      { kind: 'set', key: 'after' },
    ]);
    expect(cache.get('k')).toBe('first');
  });
});
