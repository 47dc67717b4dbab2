import { describe, expect, it, vi } from 'vitest';
import { RestartBackoff } from '../../main/electron/utility/engine-process.ts';

vi.mock('electron', () => import('./electron-double.ts'));

describe('restarts', () => {
  it('happen at once, then with growing delay, and at most four times a minute', () => {
    const restarts = new RestartBackoff();
    expect([1000, 2000, 3000, 4000, 5000].map((now) => restarts.nextDelay(now))).toEqual([
      0,
      250,
      500,
      1000,
      undefined,
    ]);
  });

  it('are not counted after a minute', () => {
    const restarts = new RestartBackoff();
    for (const now of [0, 30_000, 59_000]) restarts.nextDelay(now);
    expect(restarts.nextDelay(60_000)).toBe(500);
    expect(restarts.nextDelay(200_000)).toBe(0);
  });
});
