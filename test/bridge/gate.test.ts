import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { wrap } from 'comlink';
import { describe, expect, it } from 'vitest';
import { openBridge } from './bridge-fixture.ts';

type Walk = Record<string, never> & (new (...args: unknown[]) => Promise<unknown>);

async function requestRaw(port: MessagePort, message: unknown): Promise<unknown> {
  const answered = once(port, 'message');
  port.postMessage(message);
  return (await answered)[0];
}

/** The face still works: whatever was sent before did not end the session, nor the process. */
async function expectResponsive(port: MessagePort): Promise<void> {
  expect(await requestRaw(port, [7, [['api', 'has', 'k']]])).toEqual([7, [false], []]);
  const call = { id: 'alive', type: 'APPLY', path: ['unwatch'], argumentList: [{ type: 'RAW', value: 1 }] };
  expect(await requestRaw(port, call)).toMatchObject({ id: 'alive', value: undefined });
}

describe('the gate in front of comlink', () => {
  it('refuses the constructor walk', async () => {
    using bridge = openBridge();
    const port = bridge.rawPort();
    const remote = wrap<{ watch: { constructor: Walk } }>(port as never) as unknown as { watch: { constructor: Walk } };
    const ran = await new remote.watch.constructor('globalThis.pwned = true');
    expect(ran).toMatchObject({ refused: { code: 'NOT_ALLOWED' } });
    expect(globalThis).not.toHaveProperty('pwned');
    await expectResponsive(port);
  });

  it('refuses prototype pollution', async () => {
    using bridge = openBridge();
    const port = bridge.rawPort();
    const set = { id: '1', type: 'SET', path: ['__proto__', 'polluted'], value: { type: 'RAW', value: 1 } };
    expect(await requestRaw(port, set)).toMatchObject({ id: '1', value: { refused: { code: 'NOT_ALLOWED' } } });
    expect({}).not.toHaveProperty('polluted');
    await expectResponsive(port);
  });

  it('refuses an unknown transfer handler, which would end a process that has only comlink', async () => {
    using bridge = openBridge();
    const port = bridge.rawPort();
    const call = {
      id: '1',
      type: 'APPLY',
      path: ['watch'],
      argumentList: [{ type: 'HANDLER', name: 'nope', value: 0 }],
    };
    expect(await requestRaw(port, call)).toMatchObject({ value: { refused: { code: 'NOT_ALLOWED' } } });
    await expectResponsive(port);
  });

  const malformed: readonly unknown[] = [
    { id: '1', type: 'GET', path: [] },
    { id: '1', type: 'GET', path: ['watch'] },
    { id: '1', type: 'CONSTRUCT', path: ['watch', 'constructor'], argumentList: [] },
    { id: '1', type: 'ENDPOINT' },
    { id: '1', type: 'RELEASE' },
    { id: '1', type: 'APPLY', path: ['constructor'], argumentList: [{ type: 'RAW', value: [] }] },
    { id: '1', type: 'APPLY', path: ['watch', 'call'], argumentList: [{ type: 'RAW', value: [] }] },
    { id: '1', type: 'APPLY', path: 'watch', argumentList: [{ type: 'RAW', value: [] }] },
    { id: '1', type: 'APPLY', path: ['watch'] },
    { id: '1', type: 'APPLY', path: ['watch'], argumentList: [] },
    { id: '1', type: 'APPLY', path: ['run'], argumentList: [{ type: 'RAW', value: [] }] },
    { id: '1', type: 'APPLY', path: ['watch'], argumentList: [{ type: 'HANDLER', name: 'proxy', value: 0 }] },
    {
      id: '1',
      type: 'APPLY',
      path: ['watch'],
      argumentList: [
        { type: 'RAW', value: [] },
        { type: 'RAW', value: [] },
      ],
    },
    { id: '1' },
  ];
  it.each(malformed.map((message) => [JSON.stringify(message).slice(0, 90), message]))(
    'refuses %s',
    async (_, message) => {
      using bridge = openBridge();
      const port = bridge.rawPort();
      expect(await requestRaw(port, message)).toMatchObject({ id: '1', value: { refused: { code: 'NOT_ALLOWED' } } });
      await expectResponsive(port);
    },
  );

  it('ignores messages without an id', async () => {
    using bridge = openBridge();
    const port = bridge.rawPort();
    const noise = [
      null,
      undefined,
      0,
      '',
      'run',
      [],
      {},
      { id: 1 },
      { id: {} },
      { id: 'x'.repeat(1000) },
      new Map(),
      new Date(),
    ];
    for (const message of noise) port.postMessage(message);
    await expectResponsive(port);
  });

  it('reads the wire words of the comlink that is installed', async () => {
    using bridge = openBridge();
    const port = bridge.rawPort();
    const sent: unknown[] = [];
    const post = port.postMessage.bind(port);
    port.postMessage = (message: unknown) => {
      sent.push(message);
      post(message);
    };
    const face = wrap<{ unwatch(id: number): unknown }>(port as never);
    expect(await face.unwatch(1)).toBeUndefined();
    expect(sent).toEqual([
      { id: expect.any(String), type: 'APPLY', path: ['unwatch'], argumentList: [{ type: 'RAW', value: 1 }] },
    ]);
  });
});
