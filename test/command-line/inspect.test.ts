import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { run } from './run.ts';

/** Runs the command until its link was written, and `work` with that. */
async function inspect<T>(args: readonly string[], work: (link: URL) => Promise<T>): Promise<T> {
  const interrupt = new AbortController();
  let resolve: (link: URL) => void = () => {};
  const link = new Promise<URL>((done) => {
    resolve = done;
  });
  const running = run(['inspect', '--json', ...args], {
    interrupt: interrupt.signal,
    onLine: (text) => resolve(new URL(JSON.parse(text).link)),
  });
  try {
    const failed = running.then(({ stderr }) => Promise.reject(new Error(stderr)));
    return await Promise.race([link.then(work), failed]);
  } finally {
    interrupt.abort();
    expect((await running).exitCode).toBeLessThanOrEqual(4);
  }
}

/** Calls methods as the page does. */
async function connect({ origin, hash }: URL) {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  const post = (name: string, params: object) =>
    fetch(`${origin}/api/${name}`, { method: 'POST', headers, body: JSON.stringify(params) });
  const begun = await post('session', { token: hash.slice(1) });
  headers['cookie'] = begun.headers.getSetCookie()[0]!.split(';')[0]!;
  headers['x-deskcache-proof'] = ((await begun.json()) as { proof: string }).proof;
  return async (name: string, params: object) => (await post(name, params)).json();
}

describe('deskcache inspect', () => {
  it('serves all stores of a folder, also one that can’t be opened', async () => {
    const directory = freshDirectory();
    using cache = new Cache(join(directory, 'api'));
    cache.set('k', 1);
    new Queue(join(directory, '_queues', 'outbox')).close();
    using _ = new Cache(join(directory, 'taken'), { exclusive: true });
    const overview = await inspect([directory], async (link) => (await connect(link))('overview', {}));
    expect(overview).toMatchObject({
      title: directory,
      canWrite: false,
      hasWindows: false,
      stores: [
        { name: join('_queues', 'outbox'), kind: 'queue', items: 0 },
        { name: 'api', kind: 'cache', items: 1 },
        { name: 'taken', error: { code: 'BUSY' } },
      ],
    });
  });

  it('changes something with --write only', async () => {
    const directory = freshDirectory();
    using cache = new Cache(directory);
    const set = { store: directory, key: 'k', value: 2 };
    const edit = (link: URL) => connect(link).then((call) => call('set', set));
    expect(await inspect([directory], edit)).toMatchObject({ error: { code: 'NOT_ALLOWED' } });
    expect(cache.has('k')).toBe(false);
    expect(await inspect([directory, '--write'], edit)).toHaveProperty('undo');
    expect(cache.get('k')).toBe(2);
  });

  it('says which folder holds no store, and that a port is in use', async () => {
    expect(await run(['inspect', freshDirectory()])).toMatchObject({ exitCode: 4 });
    const directory = freshDirectory();
    new Cache(directory).close();
    await inspect([directory], async ({ port }) => {
      expect(await run(['inspect', directory, '--port', port])).toMatchObject({
        exitCode: 3,
        stderr: expect.stringMatching(/Port \d+ can’t be listened on/),
      });
    });
  });
});
