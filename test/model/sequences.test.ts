import { describe, expect, it } from 'vitest';
import { createDequeModel } from './deque-steps.ts';
import { indexModel } from './index-steps.ts';
import { sequenceWalks } from './sequence-walk.ts';

const short = { walks: 4, length: 120, seed: 20261123 };

describe('on short random walks', () => {
  it.each([Number.POSITIVE_INFINITY, 5])('a deque of at most %d is an array', async (most) => {
    expect(await sequenceWalks(createDequeModel(most), short)).toBeGreaterThan(100);
  });

  it('an index is a Map', async () => {
    expect(await sequenceWalks(indexModel, short)).toBeGreaterThan(100);
  });
});
