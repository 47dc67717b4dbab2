import { describe, it } from 'vitest';
import { EVICTION_POLICY_NAMES } from '../../protocol/options.ts';
import { evictingWalks } from './evicting-walk.ts';

describe.each(EVICTION_POLICY_NAMES.filter((name) => name !== 'none'))('%s', (policy) => {
  it('respects the size limit and returns right values on long random walks', () =>
    evictingWalks(policy, { walks: 4, moves: 2000 }));
});
