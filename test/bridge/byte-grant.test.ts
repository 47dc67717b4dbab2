import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { Client } from '../../client/client.ts';
import type { Grant } from '../../main/bridge/grant.ts';
import { SessionGrant } from '../../main/bridge/grant.ts';
import { Principals } from '../../main/bridge/principal.ts';
import { runOperations } from '../../main/bridge/run-operations.ts';
import { openSession } from '../../main/bridge/session.ts';
import { ValueStreams } from '../../main/bridge/value-streams.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, deque, index, parseQueueAddress } from '../../protocol/stores.ts';
import { type BridgeFixture, openBridge } from './bridge-fixture.ts';

const BYTES = 100_000;
const GRANT: Grant = { stores: { '*': 'write' }, bytes: BYTES };

let bridge: BridgeFixture;
afterEach(() => bridge[Symbol.dispose]());

function open() {
  bridge = openBridge({
    stores: {
      api: cache(),
      json: cache({ codec: 'json' }),
      packed: cache({ compression: 'zstd' }),
      list: deque({ durability: 'process' }),
      facts: index({ durability: 'process' }),
    },
  });
  bridge.queues.find('jobs', { durability: 'process' });
}

/** What one operation of a page comes to that was granted so many bytes. */
function write(...operation: unknown[]): string {
  const work = runOperations([operation], {
    permit: new SessionGrant(GRANT),
    streams: new ValueStreams(),
    findStore: (name) => {
      const queue = parseQueueAddress(name);
      return queue === undefined ? bridge.registry.get(name) : bridge.queues.findOpen(queue);
    },
  });
  let step = work.next();
  while (step.done !== true) step = work.next();
  return step.value.failures[0]?.[1].code ?? 'done';
}

describe('a grant of bytes', () => {
  it('counts everything of a value that is stored', () => {
    open();
    const big = 'x'.repeat(BYTES);
    const stack = Object.assign(new Error('e'), { stack: big });
    const values = {
      text: big,
      wide: '中'.repeat(BYTES / 2),
      escaped: ['\0'.repeat(BYTES / 4)],
      name: { [big]: 1 },
      message: new Error(big),
      stack,
      cause: new Error('e', { cause: { big } }),
      named: Object.assign([], { big }),
      expression: new RegExp(big),
      bigint: 2n ** BigInt(8 * BYTES),
      boxed: Object(big) as unknown,
      key: new Map([[{ big }, 1]]),
      bytes: new Uint8Array(BYTES),
      numbers: new Array(BYTES / 8).fill(0.1),
    };
    for (const [kind, value] of Object.entries(values)) {
      expect([kind, write('api', 'set', 'k', value)]).toEqual([kind, 'TOO_LARGE']);
      expect([kind, write('facts', 'setDefault', 'k', value)]).toEqual([kind, 'TOO_LARGE']);
      expect([kind, write('list', 'push', value)]).toEqual([kind, 'TOO_LARGE']);
    }
    // What compression saves is not the page's.
    expect(write('packed', 'set', 'k', big)).toBe('TOO_LARGE');
  });

  it('counts a part for each item that stores it, with keys, tags and job options', () => {
    open();
    const shared = new Uint8Array(1000);
    const row = { text: 'x'.repeat(1000) };
    const long = 'k'.repeat(30_000);
    const times = <T>(make: (n: number) => T) => Array.from({ length: 110 }, (_, n) => make(n));
    const calls = [
      ['api', 'setMany', times((n) => [n, shared])],
      ['api', 'setMany', new Map(times((n) => [n, shared]))],
      ['facts', 'setMany', times((n) => [n, shared])],
      ['list', 'extend', times(() => shared)],
      ['list', 'push', ...times(() => shared)],
      ['@queue/jobs', 'enqueueMany', times(() => ({ payload: shared }))],
      ['@queue/jobs', 'enqueue', 1, { dedupeKey: long }],
      ['json', 'set', 'k', times(() => row)],
      ['api', 'set', long, 1, { tag: 'x'.repeat(BYTES - 30_000) }],
      ['api', 'push', 1, { prefix: long, tag: 'x'.repeat(BYTES - 30_000) }],
    ];
    for (const call of calls) expect([call.slice(0, 2), write(...call)]).toEqual([call.slice(0, 2), 'TOO_LARGE']);
    // Structured clone stores it once.
    expect(
      write(
        'api',
        'set',
        'k',
        times(() => row),
      ),
    ).toBe('done');
  });

  it('counts the rows in which something is stored, and keys once more for their index', () => {
    open();
    const key = (n: number) => `${n}`.padEnd(900, 'k');
    const times = <T>(make: (n: number) => T) => Array.from({ length: 1100 }, (_, n) => make(n));
    expect(
      write(
        'api',
        'setMany',
        times((n) => [n, n]),
      ),
    ).toBe('TOO_LARGE');
    expect(
      write(
        'list',
        'extend',
        times((n) => n),
      ),
    ).toBe('TOO_LARGE');
    expect(write('api', 'setMany', times((n) => [key(n), n]).slice(0, 50))).toBe('TOO_LARGE');
    expect(write('@queue/jobs', 'enqueueMany', times((n) => ({ payload: n })).slice(0, 400))).toBe('TOO_LARGE');
    // An array of holes has properties all the same.
    expect(
      write('api', 'set', 'k', Object.assign(new Array(2), { a: 'x'.repeat(60_000), b: 'x'.repeat(60_000) })),
    ).toBe('TOO_LARGE');
    // What is deleted takes nothing.
    expect(
      write(
        'api',
        'deleteMany',
        times((n) => n),
      ),
    ).toBe('done');
  });

  it('is one for all connections of an origin in a window', async () => {
    open();
    const principals = new Principals();
    const connect = (origin: string) =>
      new Client(async () => {
        const { port1, port2 } = new MessageChannel();
        const find = (name: string) => bridge.registry.get(name);
        openSession(port1 as never, GRANT, find, bridge.lobby, principals.get(origin));
        return port2 as never;
      }, 5000);
    const set = (client: Client, key: string) => client.call('api', 'set', [key, 'x'.repeat(60_000)]);
    const first = connect('app://own');
    await set(first, 'a');
    await expect(set(connect('app://own'), 'b')).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await set(connect('https://other.example'), 'c');
    first.disconnect(new DiskCacheError('CLOSED', 'reloaded'));
    await expect(set(connect('app://own'), 'b')).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });
});
