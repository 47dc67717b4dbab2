import { describe, expect, it } from 'vitest';
import { createDequeModel } from './deque-steps.ts';
import { createIndexModel } from './index-steps.ts';
import { sequenceWalks } from './sequence-walk.ts';

const long = { walks: 40, length: 400 };

describe('on long random walks, different ones each time', () => {
  it.each([Number.POSITIVE_INFINITY, 7])('a deque of at most %d is an array', async (most) => {
    expect(await sequenceWalks(createDequeModel(most), long)).toBeGreaterThan(1000);
  });

  it('an index is a Map', async () => {
    expect(await sequenceWalks(createIndexModel(), long)).toBeGreaterThan(1000);
  });
});
