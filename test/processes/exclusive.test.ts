import { describe, expect, it } from 'vitest';
import { freshDirectory } from '../engine/directory.ts';
import { crew, KINDS } from './crew.ts';

const toldWhy = { code: 'BUSY', message: expect.stringMatching(/exclusive/) };

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
