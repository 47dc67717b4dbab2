import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startDelivery } from '../../demo-app/main/deliver-note.ts';
import type { FieldNote } from '../../demo-app/model/note.ts';
import { Cache } from '../../main/engine/index.ts';
import { Offline, Queue } from '../../main/offline/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const URL_OF_NOTES = 'https://atlas.example/v1/notes';
const note = (id: string, code = 'NPL'): FieldNote => ({ id, code, text: `note ${id}`, writtenAt: 1 });

let queue: Queue<FieldNote>;
let cache: Cache;
let offline: Offline;
/** What the server has, and what it says to the next notes. */
let server: FieldNote[];
let verdicts: Response[];
beforeEach(() => {
  [server, verdicts] = [[], []];
  queue = new Queue(freshDirectory(), { durability: 'process' });
  cache = new Cache(freshDirectory());
  const fetch = async (request: Request) => {
    if (request.method === 'GET') return Response.json(server, { headers: { 'cache-control': 'max-age=60' } });
    const verdict = verdicts.shift();
    if (verdict !== undefined) return verdict;
    server.push((await request.json()) as FieldNote);
    return new Response(null, { status: 201 });
  };
  offline = new Offline({ cache, fetch });
});
afterEach(() => {
  queue.close();
  cache.close();
});

const stored = async () =>
  (await (await offline.fetch(URL_OF_NOTES, { strategy: 'cache-only' })).json()) as readonly FieldNote[];

describe('the outbox of Atlas', () => {
  it('sends notes in order, and stores the list before the job is done', async () => {
    await (await offline.fetch(URL_OF_NOTES)).json();
    const seen: Promise<readonly FieldNote[]>[] = [];
    queue.subscribe(({ kind }) => kind === 'done' && seen.push(stored()));
    queue.enqueueMany(['a', 'b', 'c'].map((id) => ({ payload: note(id), group: 'NPL' })));
    void startDelivery(queue, { offline, url: URL_OF_NOTES });
    await expect.poll(() => queue.counts().done).toBe(3);
    expect(server.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    for (const [at, list] of (await Promise.all(seen)).entries()) expect(list.length).toBeGreaterThan(at);
  });

  it('makes a refused note a dead letter with the server’s reason, and continues with the next', async () => {
    verdicts.push(new Response('a note has at most 280 characters', { status: 422 }));
    queue.enqueueMany(['a', 'b'].map((id) => ({ payload: note(id), group: 'NPL' })));
    void startDelivery(queue, { offline, url: URL_OF_NOTES });
    await expect.poll(() => queue.counts()).toMatchObject({ done: 1, dead: 1 });
    expect([...queue.jobs('dead')]).toMatchObject([
      { payload: note('a'), attempts: 1, error: expect.stringContaining('a note has at most 280 characters (422)') },
    ]);
  });

  it('retries a failed note', async () => {
    verdicts.push(new Response(null, { status: 503 }));
    const { id } = queue.enqueue(note('a'));
    // How long it rests is drawn, and may be nothing: what it was like is seen when it failed, not a moment later.
    const failed: unknown[] = [];
    queue.subscribe(({ kind }) => kind === 'failed' && failed.push(queue.get(id)));
    void startDelivery(queue, { offline, url: URL_OF_NOTES });
    await expect.poll(() => queue.counts().done, { timeout: 10_000 }).toBe(1);
    expect(failed).toMatchObject([{ state: 'delayed', error: expect.stringContaining('503') }]);
    expect(server).toEqual([note('a')]);
  });

  it('waits while offline, without counting an attempt', async () => {
    offline.connection.set(false);
    const asked = vi.spyOn(offline.connection, 'isOnline');
    const { id } = queue.enqueue(note('a'));
    void startDelivery(queue, { offline, url: URL_OF_NOTES });
    // The worker has looked whether it may begin, and looked again.
    await expect.poll(() => asked.mock.calls.length, { timeout: 10_000 }).toBeGreaterThan(2);
    expect(queue.get(id)).toMatchObject({ state: 'ready', attempts: 0 });
    offline.connection.set(true);
    await expect.poll(() => queue.counts().done).toBe(1);
  });
});
