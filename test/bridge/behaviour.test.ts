import { Windows } from '../../main/electron/windows.ts';
import { cache, fanout } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/directory.ts';
import { handClock } from '../engine/over-the-engine.ts';
import { storeBehaviour } from '../suites/store-behaviour.ts';
import { openBridge } from './over-a-port.ts';

for (const [name, declare] of [
  ['Cache over the bridge', cache],
  ['FanoutCache over the bridge', fanout],
] as const) {
  storeBehaviour(name, async (options) => {
    const { clock, advance } = handClock();
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
  const { clock, advance } = handClock();
  const windows = new Windows(freshDirectory(), { clock, ...options });
  const own = windows.attach('main', 'forever');
  const bridge = openBridge({ windowShard: () => own.shard() });
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
