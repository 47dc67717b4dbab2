import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { exposeApi } from '../../main/bridge/gate.ts';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { openSession } from '../../main/bridge/session.ts';
import type { Index } from '../../main/engine/index.ts';
import { type OpenEngine, openEngine } from '../../main/open-engine.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, defineStores, index, parseQueueAddress } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const schema = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'too small', path: ['n'] }] }) },
} as const;
const stores = defineStores({ api: cache({ fileThreshold: 10 }), settings: index({ schema: schema as never }) });

let directory: string;
let engine: OpenEngine;
let page: DiskCache;
let endSession: (reason: DiskCacheError) => void;

beforeEach(() => {
  directory = freshDirectory();
  engine = openEngine(directory, stores, undefined);
  page = new DiskCache(async () => {
    const { port1, port2 } = new MessageChannel();
    const find = (name: string) => {
      const queue = parseQueueAddress(name);
      return queue === undefined ? engine.registry.get(name) : engine.queues.findOpen(queue);
    };
    endSession = openSession(port1 as never, FULL_GRANT, find).close;
    return port2 as unknown as MessagePortLike;
  });
});
afterEach(() => {
  page.disconnect();
  engine.close();
});

/** All that a page can read of a failure. */
async function getErrorText(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    (value) => new Error(`It gave ${String(value)}`),
    (failure: unknown) => failure as DiskCacheError,
  );
  expect(error).toBeInstanceOf(DiskCacheError);
  return `${error.message} ${String(error.cause)}`;
}

/** Calls a method by a message in comlink's format. */
function callRaw(port: MessagePort, id: string, method: string, value: unknown): Promise<unknown> {
  return new Promise((resolve) => {
    port.once('message', resolve);
    port.postMessage({ id, type: 'APPLY', path: [method], argumentList: [{ type: 'RAW', value }] });
  });
}

function expectHidden(response: unknown): void {
  const text = JSON.stringify(response);
  expect(text).toContain('disk I/O error');
  expect(text).not.toMatch(/stack|\\n {4}at /);
  expect(text).not.toContain(directory);
}

describe('where on the disk something is', () => {
  it('a page isn’t told when a value doesn’t fit a schema; the main process is', async () => {
    const text = await getErrorText(page.index('settings').set('k', { n: 0 }));
    expect(text).toMatch(/The value of 'k' in settings does not match the schema \(value\.n: too small\)/);
    expect(text).not.toContain(directory);
    expect(() => (engine.registry.get('settings') as Index).set('k', { n: 0 })).toThrow(directory);
  });

  it('a page isn’t told by a call on a store that was closed, nor when the queues are', async () => {
    await page.cache('api').set('k', 1);
    engine.queues.find('mails');
    await page.queue('mails').enqueue(1);
    engine.close();
    expect(await getErrorText(page.cache('api').get('k'))).toMatch(/^The store at api was closed/);
    expect(await getErrorText(page.queue('mails').enqueue(1))).not.toContain(directory);
    engine = openEngine(directory, stores, undefined);
  });

  it('a page isn’t told by what a check has found', async () => {
    await page.cache('api').set('k', 'x'.repeat(1000));
    mkdirSync(join(directory, 'api', 'values', 'aa'), { recursive: true });
    writeFileSync(join(directory, 'api', 'values', 'aa', `${'0'.repeat(30)}.val`), 'of no item');
    const api = page.cache('api');
    const findings = await api.check();
    expect(findings.length).toBeGreaterThan(0);
    expect(JSON.stringify(findings)).not.toContain(JSON.stringify(directory).slice(1, -1));
    expect(findings.some(({ path }) => path?.startsWith('api'))).toBe(true);
    expect(engine.registry.get('api').check()[0]?.path).toContain(directory);
  });

  it('a page isn’t told by a job that has failed', async () => {
    const mails = engine.queues.find('mails');
    const { id } = mails.enqueue(1);
    const done = new AbortController();
    const working = mails.process(
      ({ bury }) => bury(`No template in ${join(directory, 'mails')}, file:///home/ada/x.html, C:\\Users\\ada\\y`),
      { signal: done.signal },
    );
    await vi.waitFor(() => expect(mails.counts().dead).toBe(1));
    done.abort();
    await working;
    const remote = page.queue('mails');
    const [job] = await remote.jobs('dead');
    for (const error of [job?.error, (await remote.get(id))?.error]) {
      expect(error).toBe('Buried: No template in mails, x.html, y');
    }
    expect(mails.get(id)?.error).toContain(directory);
  });

  it('a page isn’t told, and gets no stack, by what a rare call throws', async () => {
    const { port1, port2 } = new MessageChannel();
    const find = (name: string) => engine.registry.get(name);
    openSession(port1 as never, FULL_GRANT, find);
    // To start a subscription is to write, and what fails there may be an error of another kind.
    vi.spyOn(engine.registry.get('settings'), 'subscribe').mockImplementationOnce(() => {
      throw new Error(`disk I/O error in ${directory}`);
    });
    const response = await callRaw(port2, '1', 'watch', { id: 1, store: 'settings', range: {} });
    expect(response).toMatchObject({ id: '1', type: 'RAW', value: { error: { code: expect.any(String) } } });
    expectHidden(response);
    port2.close();
  });

  it('a page isn’t told, and gets no stack, by a rare call that has no outcome and throws', async () => {
    const { port1, port2 } = new MessageChannel();
    const api = {
      unwatch: () => {
        throw new Error(`disk I/O error in ${directory}`);
      },
    };
    exposeApi(api, port1 as never, ['unwatch'], () => {});
    const response = await callRaw(port2, '1', 'unwatch', 1);
    expect(response).toMatchObject({ id: '1', type: 'RAW', value: { refused: { code: expect.any(String) } } });
    expectHidden(response);
    port2.close();
  });

  it('a page isn’t told when its session ends', async () => {
    await page.cache('api').set('k', 1);
    const stop = page.cache('api').subscribe(() => {});
    const waiting = getErrorText(page.cache('api').writeStream('s', new ReadableStream() as never));
    await page.cache('api').get('k');
    endSession(new DiskCacheError('CLOSED', `The host of ${directory} was closed`));
    expect(await waiting).not.toContain(directory);
    stop();
  });
});
