import { describe, expect, it } from 'vitest';
import { RLock } from '../../main/engine/recipes/r-lock.ts';
import { failure } from '../failure.ts';
import { later, openStore, thrownBy } from './opened.ts';

describe('RLock', () => {
  it('is acquired again by its owner and free after as many releases', () => {
    using cache = openStore();
    const mine = new RLock(cache, 'k');
    const other = new RLock(cache, 'k');
    mine.acquire();
    mine.acquire();
    expect(thrownBy(() => other.acquire({ timeout: 0 }))).toEqual(failure('TIMEOUT'));
    mine.release();
    expect(thrownBy(() => other.acquire({ timeout: 0 }))).toEqual(failure('TIMEOUT'));
    expect(thrownBy(() => other.release())).toEqual(failure('NOT_ALLOWED'));
    mine.release();
    expect(thrownBy(() => mine.release())).toEqual(failure('NOT_ALLOWED'));
    other.acquire({ timeout: 0 });
    other.release();
  });

  it('is nested by handles', () => {
    using cache = openStore();
    const lock = new RLock(cache, 'k');
    {
      using outer = lock.acquire();
      {
        using inner = lock.acquire();
        expect(inner.ticket).toBe(outer.ticket);
      }
      expect([outer.held, lock.locked()]).toEqual([true, true]);
    }
    expect(lock.locked()).toBe(false);
  });

  it('belongs to a flow: what it calls enters again, over awaits and objects', async () => {
    using cache = openStore();
    const lock = new RLock(cache, 'k');
    const inner = () => new RLock(cache, 'k').run(() => later(1));
    await lock.run(async () => {
      await inner();
      const again = lock.acquire({ timeout: 0 });
      await inner();
      again.release();
      const third = await lock.acquireAsync({ timeout: 0 });
      expect(lock.locked()).toBe(true);
      third.release();
    });
    expect(lock.locked()).toBe(false);
  });

  it('never lets two flows inside together, though they share the object', async () => {
    using cache = openStore();
    const lock = new RLock(cache, 'k');
    let inside = 0;
    const work = async () => {
      inside++;
      await later(2);
      expect(inside).toBe(1);
      await lock.run(() => later(1));
      inside--;
    };
    const apart = async () => {
      const hold = await lock.acquireAsync();
      inside++;
      await later(2);
      expect(inside).toBe(1);
      inside--;
      hold.release();
    };
    await Promise.all([lock.run(work), apart(), lock.run(work), apart()]);
    expect(inside).toBe(0);
  });

  it("is not released by another flow than the holder's", async () => {
    using cache = openStore();
    const lock = new RLock(cache, 'k');
    using hold = await lock.acquireAsync();
    const stranger = new RLock(cache, 'other');
    await stranger.run(() => expect(thrownBy(() => lock.release())).toEqual(failure('NOT_ALLOWED')));
    expect(hold.held).toBe(true);
  });
});
