import { describe, expect, it } from 'vitest';
import { cache, index } from '../../protocol/stores.ts';
import { openBridge } from './bridge-fixture.ts';
import { openHttpPage } from './http/http-port-fixture.ts';

/** Plain JavaScript in a page: what the types would have refused. */
type Untyped = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;

const plain = { text: 'plain' };
const blob = new Blob(['x']);

describe('the error of a call with bad arguments names the argument', () => {
  it.each<readonly [string, (api: Untyped, settings: Untyped) => Promise<unknown>, string, RegExp]>([
    ['a value', (api) => api['set']!('k', { a: blob }), 'BAD_VALUE', /^value\.a is a Blob; store plain data/],
    ['a key', (api) => api['set']!(undefined, 1), 'BAD_KEY', /^key is undefined; a key is made of strings/],
    [
      'one value of many',
      (api) =>
        api['setMany']!([
          ['a', plain],
          ['b', blob],
        ]),
      'BAD_VALUE',
      /^entries\[1\]: value is a Blob/,
    ],
    ['one key of many', (api) => api['getMany']!(['a', () => 1]), 'BAD_KEY', /^keys\[1\]: key is a function/],
    ['no entries', (api) => api['setMany']!(plain), 'BAD_OPTION', /iterable of entries was expected/],
    ['no steps', (api) => api['batch']!({ set: ['a', 1] }), 'BAD_OPTION', /iterable of steps was expected/],
    [
      'a step',
      (api) => api['batch']!([{ get: ['a'] }, { sett: ['a', 1] }]),
      'NOT_ALLOWED',
      /^Step 1 of a batch, .*"sett" on the cache "api"/,
    ],
    [
      'options where there are none',
      (_, settings) => settings['set']!('a', 1, { ttl: 1 }),
      'BAD_OPTION',
      /^"set" of the index "settings" takes at most 2 arguments, not 3/,
    ],
    ['a key of a stream', (api) => api['openReadStream']!(blob), 'BAD_KEY', /^key is a Blob/],
    [
      'a part of a stream',
      (api) => api['openReadStream']!('a', { start: () => 1 }),
      'BAD_OPTION',
      /^options.start is a function/,
    ],
    ['a key to be streamed', (api) => api['writeStream']!(blob, blob.stream()), 'BAD_KEY', /^key is a Blob/],
    [
      'options of a stream',
      (api) => api['writeStream']!('a', blob.stream(), { tag: blob }),
      'BAD_OPTION',
      /^options.tag is a Blob/,
    ],
    ['a text for a number', (api) => api['set']!('a', 1, { ttl: '60' }), 'BAD_OPTION', /^ttl is '60'; give a number/],
  ])('%s', async (_, call, code, message) => {
    using bridge = openBridge({ stores: { api: cache(), settings: index() } });
    // As a page that takes one for the other: what a cache takes, and the index doesn't.
    const [api, settings] = [bridge.diskCache.cache('api'), bridge.diskCache.cache('settings')];
    await expect(call(api as never, settings as never)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('a timeout that would never fire is refused, in a page and in main', async () => {
    using page = openHttpPage({ fetch: () => new Response('x') });
    const refused = { code: 'BAD_OPTION', message: expect.stringContaining('AbortSignal.timeout') };
    await expect(page.diskCache.fetch('https://a.example/', { timeout: 100 })).rejects.toMatchObject(refused);
    await expect(page.offline.fetch('https://a.example/', { timeout: 100 })).rejects.toMatchObject(refused);
  });
});
