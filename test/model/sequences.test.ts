import { describe, expect, it } from 'vitest';
import { createDequeModel } from './deque-steps.ts';
import { createIndexModel } from './index-steps.ts';
import { sequenceWalks } from './sequence-walk.ts';

const short = { walks: 4, length: 120, seed: 20261123 };

describe('on short random walks', () => {
  it.each([Number.POSITIVE_INFINITY, 5])('a deque of at most %d is an array', async (most) => {
    expect(await sequenceWalks(createDequeModel(most), short)).toBeGreaterThan(100);
  });

  it('a sealed deque is an array, and a sealed index a Map', async () => {
    const sealed = { encryptionKey: new Uint8Array(32).fill(7) };
    expect(await sequenceWalks(createDequeModel(5, sealed), short)).toBeGreaterThan(100);
    expect(await sequenceWalks(createIndexModel(sealed), short)).toBeGreaterThan(100);
  });

  it('an index is a Map', async () => {
    expect(await sequenceWalks(createIndexModel(), short)).toBeGreaterThan(100);
  });
});
