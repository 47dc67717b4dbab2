import { describe, expect, it } from 'vitest';
import { freshDirectory } from '../engine/directory.ts';
import { crew, KINDS } from './crew.ts';

describe.each(KINDS)('exclusive, between %s', (kind) => {
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
