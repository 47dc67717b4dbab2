import { FanoutCache, type FanoutOptions } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';
import { asyncFace, handClock } from '../engine/over-the-engine.ts';
import type { OpenStore } from '../suites/async-cache.ts';
import { storeBehaviour } from '../suites/store-behaviour.ts';

async function openFanout(options: FanoutOptions = {}): Promise<OpenStore> {
  const { clock, advance } = handClock();
  const cache = new FanoutCache(freshDirectory(), { clock, ...options });
  return { store: asyncFace(cache), now: clock, advance, close: async () => cache.close() };
}

storeBehaviour('FanoutCache', openFanout);
storeBehaviour('FanoutCache with 3 shards, without memory', (options) =>
  openFanout({ shards: 3, memory: 0, ...options }),
);
