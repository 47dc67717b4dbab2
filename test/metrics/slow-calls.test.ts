import { channel } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { CallMessage } from '../../main/engine/index.ts';
import { warnAboutSlowCalls } from '../../main/metrics/slow-calls.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';

let warnings: string[];
let end: () => void;

beforeEach(() => {
  warnings = [];
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)));
});

afterEach(() => {
  end();
  vi.restoreAllMocks();
});

const publish = (blockedMs: number, method = 'keys'): void => {
  const message: CallMessage = { store: 'api', method, durationMs: blockedMs * 3, blockedMs, code: undefined };
  channel('deskcache:call').publish(message);
};

it('a call that held the process for longer is named once a minute, with the number of further ones', () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
  end = warnAboutSlowCalls(16);
  for (const ms of [16, 48, 50, 50]) publish(ms);
  expect(warnings).toEqual([
    expect.stringMatching(/^DiskCacheWarning: The call api\.keys held the process for 48 ms \(slowCallWarningMs: 16\)/),
  ]);
  publish(20, 'clear');
  expect(warnings[1]).toContain('api.clear');
  now.mockReturnValue(70_000);
  publish(17);
  expect(warnings[2]).toMatch(/for 17 ms.* 2 more of them since the last warning\.$/);
  end();
  publish(500, 'values');
  expect(warnings).toHaveLength(3);
});

it('a real call is named by store and method, without key and value', async () => {
  using bridge = openBridge();
  end = warnAboutSlowCalls(Number.MIN_VALUE);
  await bridge.diskCache.cache('api').set('secret', 'secret');
  expect(warnings).toEqual([expect.stringContaining('The call api.set held')]);
  expect(warnings.join()).not.toContain('secret');
});
