import { WindowShards } from '../../main/electron/window-stores.ts';
import { cache, fanout } from '../../protocol/stores.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { storeBehaviour } from '../suites/store-behaviour.ts';
import { openBridge } from './bridge-fixture.ts';

for (const [name, declare] of [
  ['Cache over the bridge', cache],
  ['FanoutCache over the bridge', fanout],
] as const) {
  storeBehaviour(name, async (options) => {
    const { clock, advance } = createManualClock();
    const bridge = openBridge({ stores: { api: declare({ clock, ...options }) } });
    return {
      store: bridge.diskCache.cache('api'),
      now: clock,
      advance,
      close: async () => bridge[Symbol.dispose](),
    };
  });
}

storeBehaviour('A window’s own shard over the bridge', async (options) => {
  const { clock, advance } = createManualClock();
  const windows = new WindowShards(freshDirectory(), { clock, ...options });
  const own = windows.attach('main', 'persistent');
  const bridge = openBridge({ windowShard: () => own.open() });
  return {
    store: bridge.diskCache.window,
    now: clock,
    advance,
    close: async () => {
      bridge[Symbol.dispose]();
      windows.close();
    },
  };
});
