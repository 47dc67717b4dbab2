import { describe, expect, it } from 'vitest';
import { RestartBackoff } from '../../main/electron/utility/engine-process.ts';

describe('restarts', () => {
  it('come at once, then later and later, and no more than four in a minute', () => {
    const restarts = new RestartBackoff();
    expect([1000, 2000, 3000, 4000, 5000].map((now) => restarts.nextDelay(now))).toEqual([
      0,
      250,
      500,
      1000,
      undefined,
    ]);
  });

  it('of more than a minute ago are forgotten', () => {
    const restarts = new RestartBackoff();
    for (const now of [0, 30_000, 59_000]) restarts.nextDelay(now);
    expect(restarts.nextDelay(60_000)).toBe(500);
    expect(restarts.nextDelay(200_000)).toBe(0);
  });
});
