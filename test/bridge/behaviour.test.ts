import { cache } from '../../protocol/stores.ts';
import { handClock } from '../engine/over-the-engine.ts';
import { storeBehaviour } from '../suites/store-behaviour.ts';
import { openBridge } from './over-a-port.ts';

storeBehaviour('Cache over the bridge', async (options) => {
  const { clock, advance } = handClock();
  const bridge = openBridge({ stores: { api: cache({ clock, ...options }) } });
  return {
    store: bridge.diskCache.cache('api'),
    now: clock,
    advance,
    close: async () => bridge[Symbol.dispose](),
  };
});
