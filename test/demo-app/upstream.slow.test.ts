import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUpstream, type UpstreamProcess } from '../../demo-app/upstream/start-upstream.ts';

let upstream: UpstreamProcess;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.stop());

const get = (path: string, init?: RequestInit) => fetch(upstream.url + path, init);
const json = async (path: string) => (await get(path)).json() as Promise<unknown>;

describe('the upstream of Atlas', () => {
  it('lists 250 countries, each with a detail of its own and a flag', async () => {
    const countries = (await json('/v1/countries')) as { code: string; alpha2: string; name: string }[];
    expect(countries).toHaveLength(250);
    expect(new Set(countries.map(({ code }) => code)).size).toBe(250);
    await Promise.all(
      countries.map(async ({ code, alpha2, name }) => {
        expect(await json(`/v1/countries/${code}`)).toMatchObject({ code, alpha2, name });
        const flag = await get(`/flags/${alpha2}.svg`);
        expect(flag.headers.get('content-type')).toBe('image/svg+xml');
        expect(await flag.text()).toContain('<svg');
      }),
    );
  });

  it('serves the details of a country', async () => {
    expect(await json('/v1/countries/ZAF')).toMatchObject({
      name: 'South Africa',
      capitals: ['Pretoria', 'Bloemfontein', 'Cape Town'],
      neighbours: expect.arrayContaining(['LSO', 'NAM']),
      callingCodes: ['+27'],
    });
    expect(await json('/v1/countries/USA')).toMatchObject({ callingCodes: ['+1'] });
    expect(await json('/v1/countries/VAT')).toMatchObject({ callingCodes: ['+3906698', '+379'] });
    expect(await json('/v1/countries/UNK')).not.toHaveProperty('numeric');
  });

  it('answers 304 without a body to a client that has the current version', async () => {
    const first = await get('/v1/world');
    const etag = first.headers.get('etag');
    await first.arrayBuffer();
    const again = await get('/v1/world', { headers: { 'if-none-match': etag ?? '' } });
    expect(again.status).toBe(304);
    expect((await again.arrayBuffer()).byteLength).toBe(0);
    expect((await get('/v1/world', { headers: { 'if-none-match': '"older"' } })).status).toBe(200);
  });

  it.each(['/v1/countries/XXX', '/flags/../package.json', '/flags/%2e%2e%2f', '/flags/fr.svg', '/'])(
    'has nothing at %s',
    async (path) => expect((await get(path)).status).toBe(404),
  );

  it('refuses writes other than notes', async () => {
    expect((await get('/v1/countries', { method: 'POST' })).status).toBe(405);
    expect((await get('/v1/notes', { method: 'PUT' })).status).toBe(405);
  });

  it('stores a note once, however often it is sent', async () => {
    const notes = join(mkdtempSync(join(tmpdir(), 'notes-')), 'notes.jsonl');
    const keeping = await startUpstream({ notes });
    const send = async (note: unknown) => {
      const response = await fetch(`${keeping.url}/v1/notes`, { method: 'POST', body: JSON.stringify(note) });
      return `${response.status} ${await response.text()}`.trim();
    };
    const note = { id: 'a', code: 'NPL', text: 'Permits in Kathmandu.', writtenAt: 1 };
    expect([await send(note), await send(note)]).toEqual(['201', '200']);
    expect(await send({ ...note, id: 'b', text: 'x'.repeat(281) })).toBe('422 a note has at most 280 characters');
    expect(await send({ id: 'c' })).toBe('400 this is not a note');
    keeping.refuseNotes(503);
    await expect.poll(() => send(note)).toBe('503 the notes are closed');
    await keeping.stop();
    const again = await startUpstream({ notes });
    expect(await (await fetch(`${again.url}/v1/notes`)).json()).toEqual([note]);
    await again.stop();
    rmSync(dirname(notes), { recursive: true });
  });

  it('stops, and can start again on the same port', async () => {
    const short = await startUpstream();
    await short.stop();
    await expect(fetch(short.url)).rejects.toThrow();
    const back = await startUpstream({ port: Number(new URL(short.url).port) });
    expect((await fetch(`${back.url}/v1/health`)).status).toBe(204);
    await back.stop();
  });
});
