import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { startWorkers, WORKER_KINDS } from './worker-pool.ts';

const toldWhy = { code: 'BUSY', message: expect.stringMatching(/exclusive/) };

describe('a lock of this process survives another opening of the same directory in it', () => {
  // Closing a file takes away all of a process's POSIX locks on it: opening must not look into the database by itself.
  it('exclusive', async () => {
    const directory = freshDirectory();
    using owner = new Cache(directory, { exclusive: true });
    owner.set('k', 1);
    expect(() => new Cache(directory, { timeout: 20 })).toThrow(expect.objectContaining(toldWhy));
    const [second] = startWorkers('processes', 1);
    await expect(second!.run('open', directory, { timeout: 20 })).rejects.toMatchObject(toldWhy);
  });

  it('shared: no other process gets exclusive access', async () => {
    const directory = freshDirectory();
    using first = new Cache(directory);
    first.set('k', 1);
    new Cache(directory).close();
    const [other] = startWorkers('processes', 1);
    await expect(other!.run('open', directory, { exclusive: true, timeout: 20 })).rejects.toMatchObject({
      code: 'BUSY',
    });
    first.set('k', 2);
    expect(first.get('k')).toBe(2);
  });
});

describe.each(WORKER_KINDS)('exclusive, between %s', (kind) => {
  it('the second opener gets BUSY and is told why, until the first one closes', async () => {
    const directory = freshDirectory();
    const [owner, second] = startWorkers(kind, 2);
    await owner!.run('open', directory, { exclusive: true });
    await owner!.run('set', 'k', 1);
    await expect(second!.run('open', directory, { timeout: 20 })).rejects.toMatchObject(toldWhy);
    await expect(second!.run('open', directory, { timeout: 20, exclusive: true })).rejects.toMatchObject(toldWhy);
    await expect(second!.run('open', directory, { timeout: 20, readOnly: true })).rejects.toMatchObject(toldWhy);
    expect(await owner!.run('get', 'k')).toBe(1);
    await owner!.run('close');
    await second!.run('open', directory);
    expect(await second!.run('get', 'k')).toBe(1);
  });

  it('refused while another process has the directory open, which goes on undisturbed', async () => {
    const directory = freshDirectory();
    const [first, owner] = startWorkers(kind, 2);
    await first!.run('open', directory);
    await first!.run('set', 'k', 1);
    await expect(owner!.run('open', directory, { exclusive: true, timeout: 20 })).rejects.toMatchObject({
      code: 'BUSY',
    });
    await first!.run('set', 'k', 2);
    expect(await first!.run('get', 'k')).toBe(2);
    await first!.run('close');
    await owner!.run('open', directory, { exclusive: true, timeout: 20 });
    expect(await owner!.run('get', 'k')).toBe(2);
  });
});
