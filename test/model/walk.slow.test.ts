import { afterAll, describe, expect, it } from 'vitest';
import { runStoreWalks, SETUPS } from './setups.ts';

const OPERATIONS = 100_000;
const SHARE = OPERATIONS / Object.keys(SETUPS).length;
let total = 0;

describe.each(Object.entries(SETUPS))('a store, %s', (_name, setup) => {
  it('behaves like the model on long random walks', async () => {
    let operations = 0;
    while (operations < SHARE) operations += await runStoreWalks(setup, { walks: 4, moves: 4000 });
    total += operations;
    expect(operations).toBeGreaterThanOrEqual(SHARE);
  });
});

afterAll(() => console.log(`model: ${total} random operations agree with the model`));
