import { FanoutCache, type FanoutOptions } from '../../main/engine/index.ts';
import { createManualClock, toAsyncCache } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import type { AsyncStoreFixture } from '../suites/async-cache.ts';
import { storeBehaviour } from '../suites/store-behaviour.ts';

async function openFanout(options: FanoutOptions = {}): Promise<AsyncStoreFixture> {
  const { clock, advance } = createManualClock();
  const cache = new FanoutCache(freshDirectory(), { clock, ...options });
  return { store: toAsyncCache(cache), now: clock, advance, close: async () => cache.close() };
}

storeBehaviour('FanoutCache', openFanout);
storeBehaviour('FanoutCache with 3 shards, without memory', (options) =>
  openFanout({ shards: 3, memory: 0, ...options }),
);
