import { describe, expect, it } from 'vitest';
import { WALK_TIMEOUT_MS } from './random-walks.ts';
import { runStoreWalks, SETUPS } from './setups.ts';

describe.each(Object.entries(SETUPS))('a store, %s', (_name, setup) => {
  it(
    'behaves like the model on short random walks',
    async () => {
      expect(await runStoreWalks(setup, { walks: 4, moves: 300, seed: 20261123 })).toBeGreaterThan(100);
    },
    2 * WALK_TIMEOUT_MS,
  );
});
