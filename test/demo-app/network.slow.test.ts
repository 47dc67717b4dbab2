import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchNetwork } from '../../demo-app/main/watch-network.ts';

let ended: AbortController;
let reported: boolean[];
let isSwitchedOff: boolean;
/** Pending responses of the server, oldest first. */
let pendingAnswers: ((isThere: boolean) => void)[];
beforeEach(() => {
  [reported, pendingAnswers, isSwitchedOff, ended] = [[], [], false, new AbortController()];
});
afterEach(() => ended.abort());

const startWatching = () =>
  watchNetwork({
    connection: { set: (online) => void reported.push(online) },
    isSwitchedOff: () => isSwitchedOff,
    isReachable: () => new Promise((resolve) => pendingAnswers.push(resolve)),
    signal: ended.signal,
  });
const respond = (isThere: boolean) => {
  pendingAnswers.shift()!(isThere);
  return new Promise((resolve) => setImmediate(resolve));
};

describe('the network of Atlas', () => {
  it('is online while the server answers', async () => {
    startWatching();
    await respond(true);
    await vi.waitFor(() => expect(pendingAnswers).toHaveLength(1), { timeout: 5_000 });
    await respond(false);
    expect(reported).toEqual([true, false]);
  });

  it('is offline as soon as it is switched off, even if the server answers', async () => {
    const look = startWatching();
    isSwitchedOff = true;
    await look();
    await respond(true);
    expect(reported).toEqual([false, false]);
    isSwitchedOff = false;
    void look();
    await respond(true);
    expect(reported).toEqual([false, false, true]);
  });

  it('receives no update after the application has ended', async () => {
    startWatching();
    ended.abort();
    await respond(true);
    expect(reported).toEqual([]);
  });
});
