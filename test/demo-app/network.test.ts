import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchNetwork } from '../../demo-app/main/network.ts';

let ended: AbortController;
let told: boolean[];
let isSwitchedOff: boolean;
/** Answers of the server that are still to come, oldest first. */
let asked: ((isThere: boolean) => void)[];
beforeEach(() => {
  [told, asked, isSwitchedOff, ended] = [[], [], false, new AbortController()];
});
afterEach(() => ended.abort());

const watch = () =>
  watchNetwork({
    connection: { set: (online) => void told.push(online) },
    isSwitchedOff: () => isSwitchedOff,
    reach: () => new Promise((resolve) => asked.push(resolve)),
    signal: ended.signal,
  });
const answered = (isThere: boolean) => {
  asked.shift()!(isThere);
  return new Promise((resolve) => setImmediate(resolve));
};

describe('the network of Atlas', () => {
  it('is there while the server answers', async () => {
    watch();
    await answered(true);
    await vi.waitFor(() => expect(asked).toHaveLength(1), { timeout: 5_000 });
    await answered(false);
    expect(told).toEqual([true, false]);
  });

  it('is switched off at once, whatever the server still says', async () => {
    const look = watch();
    isSwitchedOff = true;
    await look();
    await answered(true);
    expect(told).toEqual([false, false]);
    isSwitchedOff = false;
    void look();
    await answered(true);
    expect(told).toEqual([false, false, true]);
  });

  it('is not told of any more when the application has ended', async () => {
    watch();
    ended.abort();
    await answered(true);
    expect(told).toEqual([]);
  });
});
