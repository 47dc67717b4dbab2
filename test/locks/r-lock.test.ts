import { describe, expect, it } from 'vitest';
import { RLock } from '../../main/engine/locks/locks.ts';
import { errorMatching } from '../matchers.ts';
import { catchError, openLockStore, sleep } from './lock-fixture.ts';

describe('RLock', () => {
  it('can be acquired again by its owner, and is free after as many releases', () => {
    using cache = openLockStore();
    const mine = new RLock(cache, 'k');
    const other = new RLock(cache, 'k');
    mine.acquire();
    mine.acquire();
    expect(catchError(() => other.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    mine.release();
    expect(catchError(() => other.acquire({ timeout: 0 }))).toEqual(errorMatching('TIMEOUT'));
    expect(catchError(() => other.release())).toEqual(errorMatching('NOT_ALLOWED'));
    mine.release();
    expect(catchError(() => mine.release())).toEqual(errorMatching('NOT_ALLOWED'));
    other.acquire({ timeout: 0 });
    other.release();
  });

  it('can be nested with handles', () => {
    using cache = openLockStore();
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

  it('belongs to a flow: functions it calls acquire again, across awaits and objects', async () => {
    using cache = openLockStore();
    const lock = new RLock(cache, 'k');
    const inner = () => new RLock(cache, 'k').run(() => sleep(1));
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

  it('is never held by two flows at once, even if they share the object', async () => {
    using cache = openLockStore();
    const lock = new RLock(cache, 'k');
    let inside = 0;
    const work = async () => {
      inside++;
      await sleep(2);
      expect(inside).toBe(1);
      await lock.run(() => sleep(1));
      inside--;
    };
    const apart = async () => {
      const hold = await lock.acquireAsync();
      inside++;
      await sleep(2);
      expect(inside).toBe(1);
      inside--;
      hold.release();
    };
    await Promise.all([lock.run(work), apart(), lock.run(work), apart()]);
    expect(inside).toBe(0);
  });

  it('can be released only by the flow that holds it', async () => {
    using cache = openLockStore();
    const lock = new RLock(cache, 'k');
    using hold = await lock.acquireAsync();
    const stranger = new RLock(cache, 'other');
    await stranger.run(() => expect(catchError(() => lock.release())).toEqual(errorMatching('NOT_ALLOWED')));
    expect(hold.held).toBe(true);
  });
});
