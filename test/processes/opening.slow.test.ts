import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

describe.each(WORKER_KINDS)('between %s', (kind) => {
  it('opening needs no lock when nothing is new, and reading never does', async () => {
    const directory = freshDirectory();
    const release = join(directory, 'release');
    const [holder] = startWorkers(kind, 1);
    await holder!.run('open', directory, { sizeLimit: 10_000_000 });
    await holder!.run('set', 'k', 'before');
    const held = holder!.run('holdLock', 'k', 'after', release);
    await holder!.waitForSignal('holding');

    using cache = new Cache(directory, { timeout: 0, sizeLimit: 10_000_000 });
    expect(cache.get('k')).toBe('before');
    expect(cache.getEntry('k')?.value).toBe('before');
    expect(cache.getMany(['k', 'none'])).toEqual(['before', undefined]);
    expect(cache.has('k')).toBe(true);
    expect([...cache]).toEqual([['k', 'before']]);
    expect(cache.size).toBe(1);
    using reader = new Cache(directory, { readOnly: true, timeout: 0 });
    expect(reader.get('k')).toBe('before');

    writeFileSync(release, '');
    await held;
    expect(cache.get('k')).toBe('after');
    expect(reader.get('k')).toBe('after');
  });

  it('a write that waits longer than its timeout is BUSY with the cause, and works afterwards', async () => {
    const directory = freshDirectory();
    const release = join(directory, 'release');
    const [holder] = startWorkers(kind, 1);
    await holder!.run('open', directory);
    const held = holder!.run('holdLock', 'k', 1, release);
    await holder!.waitForSignal('holding');

    using cache = new Cache(directory, { timeout: 50 });
    const large = 'x'.repeat(100_000);
    for (const write of [
      () => cache.set('mine', 1),
      () => cache.set('large', large),
      () => cache.incr('mine'),
      () => cache.push(1),
      () => cache.transact(() => cache.set('mine', 2)),
    ]) {
      expect(write).toThrow(
        expect.objectContaining({
          code: 'BUSY',
          message: expect.stringContaining(directory),
          cause: expect.any(Error),
        }),
      );
    }
    writeFileSync(release, '');
    await held;
    cache.set('mine', 3);
    expect([...cache]).toEqual([
      ['k', 1],
      ['mine', 3],
    ]);
    // The refused large value left no file.
    expect(cache.volume()).toBeLessThan(large.length);
  });

  it('a write that waits for less than its timeout succeeds', async () => {
    const directory = freshDirectory();
    const release = join(directory, 'release');
    const members = startWorkers(kind, 2);
    await runOnAll(members, 'open', directory, { timeout: 60_000 });
    const held = members[0]!.run('holdLock', 'k', 1, release);
    await members[0]!.waitForSignal('holding');
    const waiting = members[1]!.run('countUp', 'k', 1);
    setTimeout(() => writeFileSync(release, ''), 200);
    await Promise.all([held, waiting]);
    expect(await members[0]!.run('get', 'k')).toBe(2);
  });

  it('a process that ends in the middle of a transaction leaves neither lock nor change', async () => {
    const directory = freshDirectory();
    const [victim] = startWorkers(kind, 1);
    await victim!.run('open', directory);
    await victim!.run('set', 'k', 'kept');
    const held = victim!.run('holdLock', 'k', 'lost', join(directory, 'never'));
    await victim!.waitForSignal('holding');
    await victim!.kill();
    await expect(held).rejects.toThrow('the member ended');
    using cache = new Cache(directory, { timeout: 0 });
    cache.set('other', 1);
    expect([...cache]).toEqual([
      ['k', 'kept'],
      ['other', 1],
    ]);
  });
});

describe.runIf(process.platform === 'linux')('descriptors', () => {
  it('do not accumulate while threads come and go', async () => {
    const directory = freshDirectory();
    const [lasting] = startWorkers('threads', 1);
    await lasting!.run('open', directory);
    const one = async () => {
      const [member] = startWorkers('threads', 1);
      await member!.run('open', directory);
      await member!.run('countUp', 'k', 1);
      await member!.kill();
    };
    await one();
    const before = await lasting!.run('descriptors');
    for (let round = 0; round < 10; round++) await one();
    expect(await lasting!.run('get', 'k')).toBe(11);
    expect(await lasting!.run('descriptors')).toBeLessThanOrEqual(before + 2);
  });
});
