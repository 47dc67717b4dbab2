import { describe, expect, it, vi } from 'vitest';
import { type Change, FanoutCache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const open = (directory = freshDirectory()) => new FanoutCache<string, number>(directory, { shards: 3 });

describe('subscribe', () => {
  it('tells one clear, before what was set after it, of a transaction that has cleared twice', () => {
    using cache = new FanoutCache<string, number>(freshDirectory(), { shards: 3 });
    const heard: string[] = [];
    cache.subscribe(({ kind, key }) => heard.push(key === undefined ? kind : `${kind} ${key}`));
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
    cache.transact(() => {
      cache.clear();
      cache.set('lost', 0);
      cache.clear();
      for (const key of keys) cache.set(key, 1);
    });
    cache.set('g', 2);
    expect(heard.filter((change) => change === 'clear')).toEqual(['clear']);
    expect(heard.slice(heard.indexOf('clear') + 1).sort()).toEqual([...keys, 'g'].map((key) => `set ${key}`));
  });

  it('tells every change of all shards at once, a clear once, until it is ended', () => {
    using fanout = open();
    const told: Change[] = [];
    const onlyB: Change[] = [];
    const stop = fanout.subscribe((change) => told.push(change));
    fanout.subscribe((change) => onlyB.push(change), { prefix: 'b' });
    const sets = ['a', 'b', 'c', 'bb', 'd'].map((key) => ({ kind: 'set', key }));
    for (const { key } of sets) fanout.set(key, 1);
    fanout.delete('c');
    fanout.clear();
    fanout.set('b', 2);
    expect(told).toEqual([...sets, { kind: 'delete', key: 'c' }, { kind: 'clear' }, { kind: 'set', key: 'b' }]);
    expect(onlyB).toEqual([
      { kind: 'set', key: 'b' },
      { kind: 'set', key: 'bb' },
      { kind: 'clear' },
      { kind: 'set', key: 'b' },
    ]);
    stop();
    stop();
    fanout.set('a', 3);
    expect([told.length, onlyB.length]).toEqual([8, 4]);
  });

  it('tells nothing of what was rolled back', () => {
    using fanout = open();
    const told: Change[] = [];
    fanout.subscribe((change) => told.push(change));
    const fail = () =>
      fanout.transact(() => {
        for (let n = 0; n < 9; n++) fanout.set(`${n}`, n);
        throw new Error('on purpose');
      });
    expect(fail).toThrow('on purpose');
    fanout.set('x', 1);
    expect(told).toEqual([{ kind: 'set', key: 'x' }]);
  });

  it('tells what another handle does, a clear before what is set after it', async () => {
    using fanout = open();
    using other = open(fanout.directory);
    const mirror = new Map<string, string>();
    let clears = 0;
    fanout.subscribe(({ kind, key }) => {
      if (kind === 'clear') {
        mirror.clear();
        clears++;
      } else if (kind === 'set') mirror.set(key!, kind);
      else mirror.delete(key!);
    });
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 10; n++) other.set(`${round} ${n}`, n);
      other.clear();
      for (let n = 0; n < 3; n++) other.set(`after ${round} ${n}`, n);
      await vi.waitFor(() => expect([...mirror.keys()].sort()).toEqual([...other.keys()].sort()), { timeout: 3000 });
    }
    expect(clears).toBeLessThanOrEqual(5);
    expect(clears).toBeGreaterThan(0);
  });
});

describe('memoize and streams', () => {
  it('keep their items where get finds them', async () => {
    using fanout = new FanoutCache<unknown[] & string, unknown>(freshDirectory(), { shards: 5 });
    let runs = 0;
    const square = fanout.memoize(
      (n: number) => {
        runs++;
        return n * n;
      },
      { name: 'square' },
    );
    for (let n = 0; n < 20; n++) expect([square(n), square(n)]).toEqual([n * n, n * n]);
    expect([runs, fanout.size]).toEqual([20, 20]);
    expect(fanout.has(['square', 3] as never)).toBe(true);
    for (const key of ['a', 'b', 'c'] as never[]) {
      await fanout.writeStream(
        key,
        (async function* () {
          yield Uint8Array.of(1, 2);
          yield Uint8Array.of(3);
        })(),
      );
      expect(fanout.get(key)).toEqual(Uint8Array.of(1, 2, 3));
      expect(await new Response(fanout.openReadStream(key) as never).bytes()).toEqual(Uint8Array.of(1, 2, 3));
    }
  });
});
