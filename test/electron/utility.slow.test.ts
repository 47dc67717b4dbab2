import { once } from 'node:events';
import { constants } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createQueues } from '../../main/open-engine.ts';
import { errorMatching } from '../matchers.ts';
import { crash, started } from './utility-double.ts';
import { openUtilityHost, toOutcomes } from './utility-fixture.ts';

vi.mock('electron', () => import('./utility-double.ts'));

/** A process takes its time to start where others work. */
const WAIT_OPTIONS = { timeout: 10_000 };

/** The exit code of a process that \`crash\` has ended. */
const KILLED = process.platform === 'win32' ? 1 : constants.signals.SIGKILL;

beforeEach(() => {
  started.length = 0;
});

describe('an engine in a utility process', () => {
  it('serves pages and the main process', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    await page.cache('api').set('k', { n: 1n, list: [new Date(0)] });
    expect(await host.api.get('k')).toEqual({ n: 1n, list: [new Date(0)] });
    await page.deque('outbox').push('a', 'b');
    expect(await page.deque('outbox').values()).toEqual(['a', 'b']);
    await page.set('of the default store', 1);
    expect(await page.keys()).toEqual(['of the default store']);
    await expect(page.cache('undeclared').get('k')).rejects.toMatchObject({ code: 'NO_SUCH_STORE' });
    expect(started.length).toBe(1);
    page.disconnect();
  });

  it('keeps the pages’ near caches coherent with writes of the main process', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    page.nearCache('api');
    for (let n = 0; n < 20; n++) {
      await host.api.set('n', n);
      expect(await page.cache('api').get('n')).toBe(n);
    }
    page.disconnect();
  });

  it('transfers streams to and from the main process', async () => {
    await using host = await openUtilityHost();
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, n) => n % 251);
    await host.api.writeStream('film', new Blob([bytes]).stream());
    const stream = await host.api.openReadStream('film', { start: 1_000_000 });
    const read = new Uint8Array(await new Response(stream).arrayBuffer());
    expect(Buffer.compare(read, bytes.subarray(1_000_000))).toBe(0);
  });
});

describe('a utility process that dies', () => {
  it('leaves no call open: writes reject, the next process answers reads, and resolved writes are there', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    const api = page.cache('api');
    const heard: string[] = [];
    api.subscribe(({ kind }) => heard.push(kind));
    await Promise.all(Array.from({ length: 200 }, (_, n) => api.set(n, n)));
    const died = crash();
    const writes = Promise.allSettled(Array.from({ length: 500 }, (_, n) => api.set(`w${n}`, n)));
    await Promise.resolve();
    const reads = Promise.allSettled(Array.from({ length: 100 }, (_, n) => api.get(n)));
    const own = Promise.allSettled([host.api.get(7), host.api.set('own', 1)]);
    await died;
    const fates = toOutcomes(await writes);
    expect(toOutcomes(await reads)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(toOutcomes(await own)[1]).toMatch(/^(DISCONNECTED|undefined)$/);
    expect([...new Set(fates)].filter((fate) => fate !== undefined)).toEqual(['DISCONNECTED']);
    const kept = await api.getMany(fates.map((_, n) => `w${n}`));
    for (const [n, fate] of fates.entries()) if (fate === undefined) expect(kept[n]).toBe(n);
    expect(await host.api.getMany([0, 199])).toEqual([0, 199]);
    await vi.waitFor(() => expect(heard).toContain('reset'), WAIT_OPTIONS);
    heard.length = 0;
    await host.api.set('after', 1);
    await vi.waitFor(() => expect(heard).toEqual(['set']), WAIT_OPTIONS);
    expect(started.length).toBe(2);
    page.disconnect();
  });

  it('loses no resolved write and repeats none, however often it dies', async () => {
    await using host = await openUtilityHost();
    const pages = ['one', 'two', 'three'].map((name) => host.open(name).page());
    let goesOn = true;
    /** Counts up without end: what was promised, and what may have been made or not. */
    const tallies = pages.map(async (page, n) => {
      const tally = { promised: 0, unknown: 0, last: 0 };
      while (goesOn) {
        const calls = await Promise.allSettled(Array.from({ length: 1 + n * 20 }, () => page.cache('api').incr(n)));
        for (const outcome of toOutcomes(calls)) {
          if (typeof outcome === 'number') {
            expect(outcome).toBeGreaterThan(tally.last);
            tally.promised++;
            tally.last = outcome;
          } else {
            expect(outcome).toBe('DISCONNECTED');
            tally.unknown++;
          }
        }
      }
      return tally;
    });
    for (let times = 1; times <= 4; times++) {
      await setTimeout(200 * times);
      await crash();
    }
    await host.api.get('ready again');
    goesOn = false;
    for (const [n, { promised, unknown }] of (await Promise.all(tallies)).entries()) {
      const made = (await host.api.get(n)) as number;
      expect(promised).toBeGreaterThan(0);
      expect(made).toBeGreaterThanOrEqual(promised);
      expect(made).toBeLessThanOrEqual(promised + unknown);
      pages[n]!.disconnect();
    }
    expect(started.length).toBe(5);
  });

  it('ends streams with an error in both directions, and leaves no partial value', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    const films = page.cache('api');
    const chunk = new Uint8Array(1_000_000);
    await films.writeStream('whole', new Blob([chunk, chunk, chunk, chunk]).stream());
    const stream = (await films.openReadStream('whole'))!.getReader();
    expect((await stream.read()).value?.length).toBeGreaterThan(0);
    async function* crashing() {
      yield chunk;
      await crash();
      for (let n = 0; n < 20; n++) yield chunk;
    }
    await expect(films.writeStream('half', crashing())).rejects.toMatchObject({ code: 'DISCONNECTED' });
    const rest = async () => {
      while (!(await stream.read()).done);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'DISCONNECTED' });
    expect(await films.keys()).toEqual(['whole']);
    expect(await films.check({})).toEqual([]);
    const again = new Response(await films.openReadStream('whole'));
    expect((await again.arrayBuffer()).byteLength).toBe(4_000_000);
    page.disconnect();
  });

  it('leaves no outdated value in a near cache', async () => {
    await using host = await openUtilityHost();
    const [page, other] = [host.open('one').page(), host.open('two').page()];
    page.nearCache('api');
    await host.api.set('n', 0);
    for (let n = 1; n <= 3; n++) {
      expect(await page.cache('api').get('n')).toBe(n - 1);
      await crash();
      await other.cache('api').set('n', n);
      expect(await page.cache('api').get('n')).toBe(n);
    }
    for (const each of [page, other]) each.disconnect();
  });

  it('is restarted four times within a minute; then calls reject with CLOSED', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    for (let times = 1; times <= 4; times++) {
      await crash();
      expect(await page.cache('api').get('k')).toBeUndefined();
      expect(started.length).toBe(times + 1);
    }
    await crash();
    const message = expect.stringContaining(`code ${KILLED}`);
    await expect(page.cache('api').get('k')).rejects.toMatchObject({ code: 'CLOSED', message });
    await expect(host.api.get('k')).rejects.toMatchObject({ code: 'CLOSED', message });
    await expect(host.engine.query({ call: 'windows.list' })).rejects.toMatchObject({ code: 'CLOSED' });
    await setTimeout(50);
    expect(started.length).toBe(5);
    // The application gets a warning for each.
    expect(warn.mock.calls.map(([text]) => /code (\d+); (.*)/.exec(String(text))?.slice(1))).toEqual([
      ...new Array(4).fill([`${KILLED}`, 'another one is started']),
      [`${KILLED}`, 'there will be no other'],
    ]);
    warn.mockRestore();
    page.disconnect();
  });

  it('is followed by one that has the same queues open', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    await expect(page.queue('letters').enqueue('early')).rejects.toMatchObject({ code: 'NO_SUCH_STORE' });
    host.engine.openQueue('letters', { durability: 'process' });
    await page.queue('letters').enqueue('Dear Ada');
    await crash();
    expect(await page.queue('letters').counts()).toMatchObject({ ready: 1 });
    await page.queue('letters').enqueue('Dear Ada again');
    // In the main process, where it is worked on, it is the same.
    const letters = createQueues(host.directory).find('letters');
    expect(letters.counts().ready).toBe(2);
    letters.close();
    page.disconnect();
  });

  it('keeps every subscriber to a queue connected, wherever its workers run', async () => {
    await using host = await openUtilityHost();
    host.engine.openQueue('letters', { durability: 'process' });
    const page = host.open('main').page();
    const letters = page.queue<string>('letters');
    const heard: string[] = [];
    letters.subscribe(({ kind }) => heard.push(kind));
    await letters.enqueue('Dear Ada');
    await vi.waitFor(() => expect(heard).toEqual(['enqueued']), WAIT_OPTIONS);
    await crash();
    await vi.waitFor(() => expect(heard).toEqual(['enqueued', 'missed']), WAIT_OPTIONS);
    // Who looks again misses nothing from there on.
    expect(await letters.counts()).toMatchObject({ ready: 1, done: 0 });
    using worked = createQueues(host.directory).find<string>('letters');
    const seen: string[] = [];
    const working = worked.process(({ payload }) => seen.push(payload));
    await letters.enqueue('Dear Bob');
    const each = ['started', 'done'];
    await vi.waitFor(
      () => expect(heard.filter((kind) => each.includes(kind))).toEqual([...each, ...each]),
      WAIT_OPTIONS,
    );
    expect([seen, await letters.counts()]).toEqual([['Dear Ada', 'Dear Bob'], expect.objectContaining({ done: 2 })]);
    worked.close();
    await working;
    page.disconnect();
  });

  it('lets a page connect while no process runs', async () => {
    await using host = await openUtilityHost();
    await crash();
    await crash();
    // The next one comes in a quarter of a second.
    const page = host.open('main').page();
    expect(toOutcomes(await Promise.allSettled([page.cache('api').set('k', 1), page.cache('api').get('k')]))).toEqual([
      undefined,
      1,
    ]);
    expect(await host.engine.query({ call: 'windows.list' })).toEqual([]);
    page.disconnect();
  });

  it('leaves no process, port or timer behind', async () => {
    const resources = () =>
      process.getActiveResourcesInfo().filter((it) => /^(MessagePort|Timeout|ProcessWrap|PipeWrap)$/.test(it));
    await setTimeout(50);
    const before = resources().length;
    for (let round = 0; round < 3; round++) {
      await using host = await openUtilityHost();
      const pages = [host.open('one').page(), host.open('two').page()];
      for (let times = 0; times < 2; times++) {
        await Promise.all(pages.map((page) => page.window.incr('n')));
        await crash();
      }
      for (const page of pages) page.disconnect();
    }
    await vi.waitFor(() => expect(resources().length).toBeLessThanOrEqual(before + 1), WAIT_OPTIONS);
  });
});

describe('the windows’ own data in a utility process', () => {
  it('belongs to each window, and can be listed and cleared by the main process', async () => {
    await using host = await openUtilityHost();
    const [one, two] = [host.open('one'), host.open('two')];
    const [first, second] = [one.page(), two.page()];
    await first.window.set('scroll', 120);
    expect(await second.window.get('scroll')).toBeUndefined();
    expect(await host.engine.query({ call: 'windows.list' })).toMatchObject([
      { name: 'one', lifetime: 'persistent', isOpen: true },
      { name: 'two', lifetime: 'persistent', isOpen: true },
    ]);
    await host.engine.query({ call: 'windows.clear', name: 'one' });
    expect(await first.window.get('scroll')).toBeUndefined();
    for (const page of [first, second]) page.disconnect();
  });

  it('survives a crash while the window is open, and is deleted with the window', async () => {
    await using host = await openUtilityHost();
    const [panel, other] = [host.open('panel', 'session'), host.open('other', 'session')];
    const pages = [panel.page(), other.page()] as const;
    await Promise.all(pages.map((page) => page.window.set('tab', 2)));
    await crash();
    other.release();
    expect(await pages[0].window.get('tab')).toBe(2);
    expect(await host.engine.query({ call: 'windows.list' })).toMatchObject([{ name: 'panel' }]);
    panel.release();
    expect(await host.engine.query({ call: 'windows.list' })).toEqual([]);
    for (const page of pages) page.disconnect();
  });

  it('is deleted with a window that is closed while the next process opens the stores', async () => {
    await using host = await openUtilityHost();
    const panel = host.open('panel', 'session');
    const page = panel.page();
    await page.window.set('tab', 2);
    await crash();
    page.disconnect();
    while (started.length < 2) await setTimeout(1);
    if (started[1]!.pid === undefined) await once(started[1]!, 'spawn');
    panel.release();
    expect(await host.engine.query({ call: 'windows.list' })).toEqual([]);
  });

  it('is refused with another lifetime before anything is sent', async () => {
    await using host = await openUtilityHost();
    expect(() => host.open('main', 'sometimes' as never)).toThrow(errorMatching('BAD_OPTION'));
  });
});
