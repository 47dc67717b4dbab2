import { describe, it } from 'vitest';
import { EVICTION_POLICY_NAMES } from '../../protocol/options.ts';
import { evictingWalks } from './evicting-walk.ts';
import { WALK_TIMEOUT_MS } from './random-walks.ts';

describe.each(EVICTION_POLICY_NAMES.filter((name) => name !== 'none'))('%s', (policy) => {
  it(
    'respects the size limit and returns right values on short random walks',
    () => evictingWalks(policy, { walks: 2, moves: 500, seed: 20261123 }),
    2 * WALK_TIMEOUT_MS,
  );
});
