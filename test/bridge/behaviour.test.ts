import { cache } from '../../protocol/stores.ts';
import { storeBehaviour } from '../suites/store-behaviour.ts';
import { openBridge } from './over-a-port.ts';

storeBehaviour('Cache over the bridge', async () => {
  let now = Date.UTC(2026, 0, 1);
  const bridge = openBridge({ stores: { api: cache({ clock: () => now }) } });
  return {
    store: bridge.diskCache.cache('api'),
    advance: (ms) => {
      now += ms;
    },
    close: async () => bridge[Symbol.dispose](),
  };
});
