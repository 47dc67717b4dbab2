import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { type Grant, testHost } from '../../main/testing/index.ts';
import { cache, defineStores } from '../../protocol/stores.ts';

const stores = defineStores({ api: cache() });
const grant: Grant = { stores: { api: 'write' }, bytes: 100_000 };

let id = 0;
/** The answer to one message: values and failures. */
async function ask(port: MessagePort, ...operations: unknown[][]): Promise<[unknown[], [number, { code: string }][]]> {
  port.postMessage([++id, operations]);
  const [[, values, failures]] = await once(port, 'message');
  return [values, failures];
}
const codes = async (port: MessagePort, ...operation: unknown[]) =>
  (await ask(port, operation))[1].map(([, { code }]) => code);

describe('raw ports of a test host', () => {
  it('share the granted bytes among one origin in one window only', async () => {
    using t = await testHost({ stores });
    const bytes = new Uint8Array(60_000);
    const window = 'main';
    expect(await codes(t.port({ grant, window }), 'api', 'set', 'a', bytes)).toEqual([]);
    expect(await codes(t.port({ grant, window }), 'api', 'set', 'b', bytes)).toEqual(['TOO_LARGE']);
    await expect(t.page({ grant, window }).cache('api').set('b', bytes)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(await codes(t.port({ grant, window, origin: 'https://e.org' }), 'api', 'set', 'c', bytes)).toEqual([]);
    expect(await codes(t.port({ grant, window: 'other' }), 'api', 'set', 'd', bytes)).toEqual([]);
    expect([...t.host.stores.api.keys()]).toEqual(['a', 'c', 'd']);
  });

  it('keep the used bytes after the port was closed', async () => {
    using t = await testHost({ stores });
    const first = t.port({ grant, window: 'main' });
    expect(await codes(first, 'api', 'set', 'a', new Uint8Array(90_000))).toEqual([]);
    first.close();
    const again = t.port({ grant, window: 'main' });
    expect(await codes(again, 'api', 'set', 'b', new Uint8Array(20_000))).toEqual(['TOO_LARGE']);
  });

  it('share the limit of open streams', async () => {
    using t = await testHost({ stores });
    const uploads = Array.from({ length: 70 }, (_, n) => ['api', 'openUpload', n]);
    const refused: number[] = [];
    for (let n = 0; n < 3; n++) {
      const port = t.port({ grant: { stores: { api: 'write' } }, window: 'main' });
      refused.push((await ask(port, ...uploads))[1].filter(([, { code }]) => code === 'BUSY').length);
    }
    expect(refused).toEqual([6, 6, 70]);
  });

  it('are closed with a reason when they send too many malformed messages', async () => {
    using t = await testHost({ stores });
    const port = t.port(grant);
    const closed = once(port, 'close');
    const goodbye = once(port, 'message');
    for (let n = 0; n < 32_000; n++) port.postMessage('odd');
    const [{ reason }] = await goodbye;
    expect(reason).toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringMatching(/messages that are not calls/),
    });
    await closed;
    expect(t.host.sessions).toBe(0);
  });
});
