import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import {
  getCacheStatus,
  Offline,
  Precache,
  type PrecacheManifest,
  type PrecacheProgress,
} from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const BASE = 'https://a.example';
const manifest = (version: string, files: Record<string, string>): PrecacheManifest => ({
  version,
  entries: Object.entries(files).map(([path, revision]) => ({ url: BASE + path, revision })),
});

/** An origin whose files contain their current revision. */
function openPrecache(failing = new Set<string>()) {
  const cache = new Cache(freshDirectory(), { evictionPolicy: 'none' });
  const asked: string[] = [];
  const files = new Map<string, string>();
  const fetch = async ({ url }: Request) => {
    const path = url.slice(BASE.length);
    asked.push(path);
    if (failing.has(path)) return new Response('no', { status: path === '/part' ? 206 : 404 });
    return new Response(`${path} ${files.get(path) ?? ''}`, { headers: { 'content-type': 'text/plain' } });
  };
  const precache = new Precache({ cache, fetch });
  const text = async (path: string) => (await precache.match(BASE + path))?.text();
  return { cache, asked, files, failing, fetch, precache, text, [Symbol.dispose]: () => cache.close() };
}

describe('precaching', () => {
  it('installs a version, and fetches only what is new for the next one', async () => {
    using setup = openPrecache();
    expect(setup.precache.version).toBeUndefined();
    await setup.precache.install(manifest('1', { '/a': '1', '/b': '1', '/c': '1' }));
    expect([setup.precache.version, await setup.text('/a'), setup.asked]).toEqual(['1', '/a ', ['/a', '/b', '/c']]);
    setup.files.set('/b', 'new');
    await setup.precache.install(manifest('2', { '/a': '1', '/b': '2' }));
    expect([setup.precache.version, setup.asked.slice(3)]).toEqual(['2', ['/b']]);
    expect([await setup.text('/a'), await setup.text('/b'), await setup.text('/c')]).toEqual([
      '/a ',
      '/b new',
      undefined,
    ]);
    expect(setup.cache.size).toBe(5); // the version, two files with their bodies
  });

  it('a failed version leaves the previous one whole, and no files behind', async () => {
    using setup = openPrecache(new Set(['/z']));
    await setup.precache.install(manifest('1', { '/a': '1', '/b': '1' }));
    const before = [...setup.cache.keys()];
    const files = Object.fromEntries([...Array(50).keys()].map((n) => [`/new/${n}`, '2']));
    const failed = setup.precache.install(manifest('2', { '/a': '2', ...files, '/z': '1', '/b': '2' }));
    await expect(failed).rejects.toThrow('https://a.example/z responded with 404');
    expect([setup.precache.version, await setup.text('/a'), await setup.text('/new/0')]).toEqual([
      '1',
      '/a ',
      undefined,
    ]);
    expect([...setup.cache.keys()]).toEqual(before);
    setup.failing.clear();
    await setup.precache.install(manifest('2', { '/a': '2', '/z': '1' }));
    expect([setup.precache.version, await setup.text('/z')]).toEqual(['2', '/z ']);
  });

  it('refuses a part in place of the whole', async () => {
    using setup = openPrecache(new Set(['/part']));
    const failed = setup.precache.install(manifest('1', { '/part': '1' }));
    await expect(failed).rejects.toThrow('https://a.example/part responded with 206');
    expect(setup.cache.size).toBe(0);
  });

  it('can be stopped', async () => {
    using setup = openPrecache();
    const controller = new AbortController();
    const options = { signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) };
    await expect(setup.precache.install(manifest('1', { '/a': '1', '/b': '1' }), options)).rejects.toThrow('enough');
    expect([setup.precache.version, setup.cache.size]).toEqual([undefined, 0]);
  });

  it('reports progress', async () => {
    using setup = openPrecache();
    const told: PrecacheProgress[] = [];
    await setup.precache.install(manifest('1', { '/a': '1', '/b': '1' }), { onProgress: (it) => told.push(it) });
    expect(told.map(({ done, total }) => [done, total])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(told.map(({ url }) => url).sort()).toEqual([`${BASE}/a`, `${BASE}/b`]);
  });

  it('cleans up after an installation that was killed', async () => {
    using setup = openPrecache();
    setup.cache.set(['precache-body', '', 'left behind'], new Uint8Array(9));
    await setup.precache.install(manifest('1', { '/a': '1' }));
    expect(setup.cache.size).toBe(3);
  });

  it('does not switch to a version of which a file was deleted during the installation', async () => {
    using setup = openPrecache();
    await setup.precache.install(manifest('1', { '/a': '1' }));
    const steal = ({ done }: PrecacheProgress) => {
      if (done === 2) setup.cache.deleteMany([...setup.cache.keys({ prefix: ['precache-body'] })]);
    };
    const stolen = setup.precache.install(manifest('2', { '/b': '1', '/c': '1' }), { onProgress: steal });
    await expect(stolen).rejects.toEqual(expect.objectContaining({ code: 'BUSY' }));
    expect(setup.precache.version).toBe('1');
  });

  it('a damaged file is not served, and the next installation fetches it again', async () => {
    using setup = openPrecache();
    setup.files.set('/a', 'x'.repeat(300_000));
    await setup.precache.install(manifest('1', { '/a': '1' }));
    const [file = ''] = readdirSync(setup.cache.directory, { recursive: true, encoding: 'utf8' }).filter((it) =>
      it.endsWith('.val'),
    );
    const bytes = readFileSync(join(setup.cache.directory, file));
    bytes[250_000] = 99;
    writeFileSync(join(setup.cache.directory, file), bytes);
    await expect(setup.text('/a')).rejects.toEqual(expect.objectContaining({ code: 'CORRUPT' }));
    expect(await setup.text('/a')).toBeUndefined();
    await setup.precache.install(manifest('1', { '/a': '1' }));
    expect([(await setup.text('/a'))?.length, setup.asked]).toEqual([300_003, ['/a', '/a']]);
  });

  it('a URL whose row is damaged is not served, and the next installation fetches only that URL again', async () => {
    using setup = openPrecache();
    await setup.precache.install(manifest('1', { '/a': '1', '/b': '1' }));
    const database = new Database(join(setup.cache.directory, 'cache.db'));
    const { changes } = database
      .prepare("UPDATE entry SET value = x'00' WHERE instr(CAST(key AS BLOB), CAST('example/a' AS BLOB)) > 0")
      .run();
    database.close();
    expect(changes).toBe(1);
    using http = new Cache(freshDirectory());
    const offline = new Offline({ cache: http, fetch: setup.fetch, precache: setup.precache });
    expect(await (await offline.fetch(`${BASE}/a`)).text()).toBe('/a ');
    expect(await setup.text('/a')).toBeUndefined();
    await setup.precache.install(manifest('2', { '/a': '1', '/b': '1' }));
    expect([await setup.text('/a'), await setup.text('/b'), setup.precache.version]).toEqual(['/a ', '/b ', '2']);
    expect(setup.asked).toEqual(['/a', '/b', '/a', '/a']);
    expect(setup.cache.size).toBe(5);
  });

  it('refuses two revisions of one URL, and accepts one revision twice', async () => {
    using setup = openPrecache();
    const entry = { url: `${BASE}/a`, revision: '1' };
    const twice = (other: object) => setup.precache.install({ version: '1', entries: [entry, { ...entry, ...other }] });
    const refused = expect.objectContaining({
      code: 'BAD_OPTION',
      message: expect.stringMatching(/repeats https:\/\/a\.example\/a with another revision/),
    });
    await expect(twice({ revision: '2' })).rejects.toEqual(refused);
    await expect(twice({ url: `${BASE}/a#top`, revision: undefined })).rejects.toEqual(refused);
    expect([setup.asked, setup.precache.version]).toEqual([[], undefined]);
    await twice({ url: `${BASE}/a#top` });
    expect([setup.asked, await setup.text('/a')]).toEqual([['/a'], '/a ']);
  });

  it('forwards methods other than GET and HEAD with their bodies', async () => {
    using setup = openPrecache();
    using store = new Cache(freshDirectory());
    const fetch = async (request: Request) => new Response(await request.text());
    const offline = new Offline({ cache: store, fetch, precache: setup.precache });
    expect(await (await offline.fetch(`${BASE}/a`, { method: 'POST', body: 'sent' })).text()).toBe('sent');
  });

  it('is served before any route, also for Range and HEAD, without the network', async () => {
    using setup = openPrecache();
    await setup.precache.install(manifest('1', { '/a': '1' }));
    using store = new Cache(freshDirectory());
    const offline = new Offline({
      cache: store,
      fetch: setup.fetch,
      precache: setup.precache,
      strategy: 'network-only',
    });
    offline.connection.set(false);
    const whole = await offline.fetch(`${BASE}/a#top`);
    expect([await whole.text(), getCacheStatus(whole), whole.headers.get('content-type')]).toEqual([
      '/a ',
      'hit',
      'text/plain',
    ]);
    const part = await offline.fetch(`${BASE}/a`, { headers: { range: 'bytes=1-1' } });
    expect([part.status, await part.text()]).toEqual([206, 'a']);
    expect((await offline.fetch(`${BASE}/a`, { method: 'HEAD' })).headers.get('content-length')).toBe('3');
    await expect(offline.fetch(`${BASE}/other`)).rejects.toThrow(TypeError);
  });
});
