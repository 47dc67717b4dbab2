import { describe, expect, it, vi } from 'vitest';
import { FairScheduler, RequestQueue, type TaskQueue } from '../../main/bridge/request-queue.ts';
import { cache } from '../../protocol/stores.ts';
import type { ResponseMessage, ResponsePart } from '../../protocol/wire.ts';
import { openBridge } from './bridge-fixture.ts';

function blockThread(milliseconds: number): void {
  for (const until = performance.now() + milliseconds; performance.now() < until; );
}

/** Keeps a rota so busy that everything has to wait for its turn. */
function createBusyScheduler(): FairScheduler {
  const rota = new FairScheduler();
  const lane: TaskQueue = [];
  const job = () => {
    blockThread(5);
    return false;
  };
  while (lane.length === 0) rota.enqueue(lane, job);
  return rota;
}

const nextEventLoopTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('the fair scheduler', () => {
  it('starts a lone task at once', () => {
    const rota = new FairScheduler();
    const ran: number[] = [];
    const lane: TaskQueue = [];
    for (let n = 0; n < 5; n++) rota.enqueue(lane, () => ran.push(n) === 0);
    expect(ran).toEqual([0, 1, 2, 3, 4]);
  });

  it('yields after a time slice, then runs one task of each queue in turn', async () => {
    const rota = createBusyScheduler();
    const ran: string[] = [];
    const [flood, modest]: [TaskQueue, TaskQueue] = [[], []];
    for (let n = 0; n < 4; n++) {
      rota.enqueue(flood, () => {
        blockThread(5);
        return ran.push(`flood ${n}`) === 0;
      });
    }
    rota.enqueue(modest, () => ran.push('modest') === 0);
    setImmediate(() => ran.push('something else'));
    expect(ran).toEqual([]);
    await vi.waitFor(() => expect(ran).toHaveLength(6));
    expect(ran.indexOf('modest')).toBeLessThan(ran.indexOf('flood 1'));
    expect(ran.indexOf('something else')).toBeLessThan(ran.indexOf('flood 1'));
  });

  it('gives one owner the same share however many connections it has', async () => {
    const rota = createBusyScheduler();
    const ran: string[] = [];
    const owner = {};
    for (let n = 0; n < 20; n++) {
      const lane: TaskQueue = [];
      for (let nth = 0; nth < 2; nth++) rota.enqueue(lane, () => ran.push(`flood ${n}`) === 0, owner);
    }
    const modest: TaskQueue = [];
    for (let n = 0; n < 3; n++) rota.enqueue(modest, () => ran.push('modest') === 0);
    await vi.waitFor(() => expect(ran).toHaveLength(43));
    expect(ran.lastIndexOf('modest')).toBeLessThan(7);
    // Its connections take turns among themselves.
    expect(new Set(ran.filter((it) => it !== 'modest').slice(0, 20)).size).toBe(20);
  });

  it('does not count other work of the same event-loop turn as idle time', async () => {
    const rota = new FairScheduler();
    const ran: number[] = [];
    const lane: TaskQueue = [];
    for (let n = 0; n < 4; n++) {
      rota.enqueue(lane, () => {
        blockThread(5);
        return ran.push(n) === 0;
      });
      blockThread(3);
    }
    expect(ran).toEqual([0]);
    await nextEventLoopTurn();
    expect(ran).toEqual([0, 1]);
    await vi.waitFor(() => expect(ran).toEqual([0, 1, 2, 3]));
    await nextEventLoopTurn();
    rota.enqueue(lane, () => ran.push(4) === 0);
    expect(ran).toHaveLength(5);
  });

  it('lets other queues run between the parts of a task, but no later task of its own queue', async () => {
    const rota = new FairScheduler();
    const ran: string[] = [];
    const [long, other]: [TaskQueue, TaskQueue] = [[], []];
    let parts = 0;
    rota.enqueue(long, () => {
      blockThread(3);
      ran.push(`part ${++parts}`);
      return parts < 4;
    });
    rota.enqueue(long, () => ran.push('after it') === 0);
    rota.enqueue(other, () => ran.push('other') === 0);
    expect(ran).toEqual(['part 1']);
    await vi.waitFor(() => expect(ran).toHaveLength(6));
    expect(ran.indexOf('other')).toBeLessThan(ran.indexOf('part 3'));
    expect(ran.filter((it) => it !== 'other')).toEqual(['part 1', 'part 2', 'part 3', 'part 4', 'after it']);
  });

  it('continues after a task that threw', async () => {
    const rota = new FairScheduler();
    const ran: number[] = [];
    expect(() =>
      rota.enqueue([], () => {
        throw new Error('broken');
      }),
    ).toThrow('broken');
    rota.enqueue([], () => ran.push(1) === 0);
    await nextEventLoopTurn();
    expect(ran).toEqual([1]);
  });
});

describe('the calls of a page in flight', () => {
  function busy() {
    const answers: (ResponseMessage | ResponsePart)[] = [];
    const ran: number[] = [];
    const requests = new RequestQueue(
      createBusyScheduler(),
      // biome-ignore lint/correctness/useYield: it has nothing to rest from
      function* (operations) {
        ran.push(operations.length);
        return { values: [], failures: [] };
      },
      () => undefined,
      (answer) => answers.push(answer),
    );
    return { requests, answers, ran };
  }
  const refused = (answers: readonly (ResponseMessage | ResponsePart)[]) =>
    answers.filter(([, it]) => 'refused' in it && it.refused.code === 'BUSY').map(([id]) => id);

  it('is bounded in operations: more are refused at once, with a response', async () => {
    const { requests, answers, ran } = busy();
    for (let id = 1; id <= 8; id++) requests.receive([id, new Array(10_000).fill(0)]);
    expect(refused(answers)).toEqual([3, 4, 5, 6, 7, 8]);
    await vi.waitFor(() => expect(ran).toHaveLength(2));
    expect(answers.map(([id]) => id).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    requests.receive([9, []]);
    await vi.waitFor(() => expect(ran).toHaveLength(3));
  });

  it('is bounded in bytes, but for a message alone', async () => {
    const { requests, answers, ran } = busy();
    const large = [['api', 'set', 'k', new Uint8Array(70 * 2 ** 20)]];
    for (let id = 1; id <= 4; id++) requests.receive([id, large]);
    expect(refused(answers)).toEqual([2, 3, 4]);
    await vi.waitFor(() => expect(ran).toHaveLength(1));
  });

  it('is forgotten with the session', async () => {
    const { requests, ran } = busy();
    for (let id = 1; id <= 3; id++) requests.receive([id, []]);
    requests.close();
    await nextEventLoopTurn();
    await nextEventLoopTurn();
    expect(ran).toEqual([]);
  });
});

describe('a page that floods', () => {
  it('waits for itself: others are answered before it is done, and all of it is done', async () => {
    using bridge = openBridge({ stores: { api: cache() } });
    const modest = bridge.anotherPage();
    await modest.has('connected');
    let left = 60_000;
    const flood = Promise.all(
      Array.from({ length: left }, (_, n) =>
        bridge.diskCache
          .cache('api')
          .set(n % 100, n)
          .then(() => left--),
      ),
    );
    await nextEventLoopTurn();
    for (let n = 0; n < 2; n++) await modest.cache('api').get(n);
    expect(left).toBeGreaterThan(0);
    await flood;
    expect(await modest.cache('api').get(99)).toBe(59_999);
  });
});
