import * as diagnosticsChannel from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { DURATION_BOUNDS_MS } from '../../main/metrics/duration-recorder.ts';
import { MetricsCollector } from '../../main/metrics/metrics-collector.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { runExample } from '../docs/fences.ts';

const PAGE = 'docs/diagnostics.md';

function openMeasuredBridge() {
  const bridge = openBridge();
  const collector = new MetricsCollector({
    directory: dirname(bridge.cacheInMain('default').directory),
    listStores: () => Object.entries(bridge.registry.stores),
    listQueues: () => [],
  });
  onTestFinished(() => {
    collector.close();
    bridge[Symbol.dispose]();
  });
  return { bridge, host: { metrics: async () => ({ main: await collector.read(), utility: undefined }) } };
}

it('the example of metrics prints what was counted', async () => {
  const { bridge, host } = openMeasuredBridge();
  await host.metrics();
  await bridge.diskCache.cache('api').set('k', 1);
  const log = vi.spyOn(console, 'log').mockReturnValue();
  await runExample(PAGE, 'metrics', { scope: { host } });
  expect(log.mock.calls[0]).toEqual([expect.stringMatching(/^process \d+, 1 calls in \d+ ms$/), {}]);
  expect(log.mock.calls).toContainEqual(['api', 1, expect.any(Number), 1, expect.any(Number)]);
  log.mockRestore();
});

it('the example of OpenTelemetry records calls, transactions and sizes, without keys and values', async () => {
  const { bridge, host } = openMeasuredBridge();
  const recorded: unknown[] = [];
  const callbacks: ((result: unknown) => Promise<void>)[] = [];
  const meter = {
    createHistogram: (name: string) => ({
      record: (value: number, attributes: object) => recorded.push([name, typeof value, attributes]),
    }),
    createObservableGauge: () => ({ addCallback: (callback: (typeof callbacks)[number]) => callbacks.push(callback) }),
  };
  const subscribe: typeof diagnosticsChannel.subscribe = (name, listener) => {
    diagnosticsChannel.subscribe(name, listener);
    onTestFinished(() => void diagnosticsChannel.unsubscribe(name, listener));
  };
  const after = 'reportTo(meter, host);';
  await runExample(PAGE, 'opentelemetry', {
    modules: { 'node:diagnostics_channel': { subscribe } },
    scope: { meter, host },
    after,
  });
  await bridge.diskCache.cache('api').set('secret', 'secret');
  await bridge.diskCache
    .cache('secret')
    .get('k')
    .catch(() => {});
  expect(recorded).toEqual([
    ['deskcache.transaction.duration', 'number', { outcome: 'committed' }],
    ['deskcache.call.duration', 'number', { store: 'api', method: 'set', 'error.type': '' }],
    ['deskcache.call.duration', 'number', { 'error.type': 'NO_SUCH_STORE' }],
  ]);
  const observed: unknown[] = [];
  for (const callback of callbacks) {
    await callback({ observe: (value: number, attributes: object) => observed.push([typeof value, attributes]) });
  }
  expect(observed).toContainEqual(['number', { store: 'api' }]);
});

it('the bounds of histograms are those of the page', () => {
  const [, listed] = /in milliseconds: ([\d., a-z()]+)\.\n/.exec(readFileSync(PAGE, 'utf8')) ?? [];
  expect(listed?.replaceAll(' (a frame)', '').split(', ').map(Number)).toEqual(DURATION_BOUNDS_MS);
});
