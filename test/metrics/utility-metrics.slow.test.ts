import { expect, it, vi } from 'vitest';
import type { RemoteCache } from '../../client/remote.ts';
import { placeEngine } from '../../main/engine-placement.ts';
import { HostMetricsReader } from '../../main/open-metrics.ts';
import { cache, defineStores } from '../../protocol/stores.ts';
import { crash, started } from '../electron/utility-double.ts';
import { UTILITY_ENTRY } from '../electron/utility-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

vi.mock('electron', () => import('../electron/utility-double.ts'));

it('a host with placement utility has the metrics of both processes, and counts again after a crash', async () => {
  const directory = freshDirectory();
  const options = { stores: defineStores({ api: cache() }), placement: 'utility', metrics: true } as const;
  const engine = await placeEngine({ directory, userData: undefined, utilityPath: UTILITY_ENTRY }, options);
  const reader = new HostMetricsReader({ directory, engine, http: { listStores: () => [] } as never }, options);
  const { api } = engine.stores as { readonly api: RemoteCache };
  await api.set('k', 1);
  await api.get('k');
  const queue = engine.queue<string>('outbox', undefined);
  queue.enqueue('send');
  const before = await reader.read();
  expect(before.utility).toMatchObject({
    pid: started.at(-1)!.pid,
    bridge: { calls: 2, stores: { api: { methods: { set: 1, get: 1 } } } },
    stores: { api: { now: { items: 1 }, transactions: { committed: 1 } } },
  });
  expect(before.main).toMatchObject({
    pid: process.pid,
    stores: {},
    bridge: { calls: 0 },
    queues: { outbox: { enqueued: 1, now: { ready: 1 } } },
  });
  vi.spyOn(process, 'emitWarning').mockReturnValue();
  await crash();
  const after = await reader.read();
  expect(after.utility).toMatchObject({
    pid: started.at(-1)!.pid,
    bridge: { calls: 0 },
    stores: { api: { now: { items: 1 } } },
  });
  expect(after.utility!.countedSince).toBeGreaterThan(before.utility!.countedSince);
  reader.close();
  await engine.close();
});
