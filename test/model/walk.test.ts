import { describe, expect, it } from 'vitest';
import { PATIENCE } from './explore.ts';
import { randomWalks, SETUPS } from './setups.ts';

describe.each(Object.entries(SETUPS))('a store, %s', (_name, setup) => {
  it(
    'answers as the plain one on short random walks',
    async () => {
      expect(await randomWalks(setup, { walks: 4, moves: 300, seed: 20261123 })).toBeGreaterThan(100);
    },
    2 * PATIENCE,
  );
});
