import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';
import { crew, KINDS } from './crew.ts';

const toldWhy = { code: 'BUSY', message: expect.stringMatching(/exclusive/) };

describe('a lock of this process survives another opening of the same directory in it', () => {
  // Closing a file takes away all of a process's POSIX locks on it: opening must not look into the database by itself.
  it('exclusive', async () => {
    const directory = freshDirectory();
    using owner = new Cache(directory, { exclusive: true });
    owner.set('k', 1);
    expect(() => new Cache(directory, { timeout: 20 })).toThrow(expect.objectContaining(toldWhy));
    const [second] = crew('processes', 1);
    await expect(second!.do('open', directory, { timeout: 20 })).rejects.toMatchObject(toldWhy);
  });

  it('shared: nobody else gets the directory for itself alone', async () => {
    const directory = freshDirectory();
    using first = new Cache(directory);
    first.set('k', 1);
    new Cache(directory).close();
    const [other] = crew('processes', 1);
    await expect(other!.do('open', directory, { exclusive: true, timeout: 20 })).rejects.toMatchObject({
      code: 'BUSY',
    });
    first.set('k', 2);
    expect(first.get('k')).toBe(2);
  });
});

describe.each(KINDS)('exclusive, between %s', (kind) => {
  it('the second opener gets BUSY and is told why, until the first one closes', async () => {
    const directory = freshDirectory();
    const [owner, second] = crew(kind, 2);
    await owner!.do('open', directory, { exclusive: true });
    await owner!.do('set', 'k', 1);
    await expect(second!.do('open', directory, { timeout: 20 })).rejects.toMatchObject(toldWhy);
    await expect(second!.do('open', directory, { timeout: 20, exclusive: true })).rejects.toMatchObject(toldWhy);
    await expect(second!.do('open', directory, { timeout: 20, readOnly: true })).rejects.toMatchObject(toldWhy);
    expect(await owner!.do('get', 'k')).toBe(1);
    await owner!.do('close');
    await second!.do('open', directory);
    expect(await second!.do('get', 'k')).toBe(1);
  });

  it('refused while somebody else has the directory open, who goes on undisturbed', async () => {
    const directory = freshDirectory();
    const [first, owner] = crew(kind, 2);
    await first!.do('open', directory);
    await first!.do('set', 'k', 1);
    await expect(owner!.do('open', directory, { exclusive: true, timeout: 20 })).rejects.toMatchObject({
      code: 'BUSY',
    });
    await first!.do('set', 'k', 2);
    expect(await first!.do('get', 'k')).toBe(2);
    await first!.do('close');
    await owner!.do('open', directory, { exclusive: true, timeout: 20 });
    expect(await owner!.do('get', 'k')).toBe(2);
  });
});
