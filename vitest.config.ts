import { defineConfig } from 'vitest/config';

const fast = ['test/**/*.test.ts'];
const slow = [
  'test/crash/**/*.test.ts',
  'test/processes/**/*.test.ts',
  'test/model/long/**/*.test.ts',
  'test/offline/http/long/**/*.test.ts',
  'test/offline/wpt/**/*.test.ts',
  'test/**/eviction.test.ts',
  'test/fanout/{behaviour,budget}.test.ts',
  'test/reference/{damage,disk-full}.test.ts',
  'test/bench/workload.slow.test.ts',
  'test/bridge/{behaviour,bounded-work,collections,near,turns,value-streams,values-at-the-call}.test.ts',
  'test/bridge/{hostile,hostile-ports,hostile-streams}.test.ts',
  'test/bridge/large-values.slow.test.ts',
  'test/engine/{clock,large,power-cut,salvage}.test.ts',
  'test/model/evicting.test.ts',
  'test/published-types.test.ts',
  'test/bridge/soak.slow.test.ts',
  'test/bridge/offline/{hostile,hostile-bodies,large,life}.test.ts',
  'test/electron/{declarations,foreign-pages,utility,utility-opening}.test.ts',
  'test/locks/pinned.slow.test.ts',
  'test/workflow/{experiments,required-electron}.test.ts',
  'test/offline/{collected,staged-bodies}.test.ts',
  'test/demo-app/{network,upstream}.test.ts',
  'test/examples/**/*.test.ts',
  'test/packaging/**/*.test.ts',
  'test/templates/install.slow.test.ts',
  'test/torture/*.test.ts',
];

/**
 * `fast` is what `npm run check` runs: no window, no second process, no store filled to its limit over and over. `slow` joins
 * it in `npm test`.
 */
export default defineConfig({
  test: {
    projects: [
      // What is fast may still have to wait for a machine that is not.
      { test: { name: 'fast', include: fast, exclude: slow, testTimeout: 30_000, hookTimeout: 30_000 } },
      { test: { name: 'slow', include: slow, testTimeout: 120_000, hookTimeout: 60_000 } },
    ],
  },
});
