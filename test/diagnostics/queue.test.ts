import { describe, expect, it } from 'vitest';
import { openQueueFixture, waitUntil } from '../queue/queue-fixture.ts';
import { recordMessages } from './record-messages.ts';

describe('deskcache:queue', () => {
  it('publishes the life of a job: enqueued, claimed, retried, done or dead', async () => {
    const { queue, work, directory } = openQueueFixture<string>({ clock: Date.now });
    const messages = recordMessages('deskcache:queue');
    const good = queue.enqueue('secret').id;
    const bad = queue.enqueue('bad').id;
    work(
      ({ payload, attempt }) => {
        if (payload === 'bad' || attempt === 1) throw new Error('secret');
      },
      { retry: { attempts: 2, backoff: { initial: 1, jitter: 'none' } } },
    );
    await waitUntil(() => queue.counts().done === 1 && queue.counts().dead === 1);
    const lifeOf = (job: number) =>
      messages.filter(({ id }) => id === job).map(({ event, attempt }) => [event, attempt]);
    const begin = [
      ['enqueued', 0],
      ['claimed', 1],
      ['retried', 1],
      ['claimed', 2],
    ];
    expect(lifeOf(good)).toEqual([...begin, ['done', 2]]);
    expect(lifeOf(bad)).toEqual([...begin, ['dead', 2]]);
    expect(messages[0]).toEqual({ directory, id: good, event: 'enqueued', attempt: 0, delayMs: 0 });
    expect(messages.find(({ event }) => event === 'retried')).toMatchObject({ delayMs: 1 });
    expect(JSON.stringify(messages)).not.toContain('secret');
  });

  it('publishes that a job went back when its worker stopped', async () => {
    const { queue, work } = openQueueFixture<string>();
    const messages = recordMessages('deskcache:queue');
    queue.enqueue('a');
    const stop = work(
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    await waitUntil(() => queue.counts().running === 1);
    await stop();
    expect(messages.map(({ event }) => event)).toEqual(['enqueued', 'claimed', 'returned']);
  });

  it('publishes nothing for what was rolled back, in whole or in part', () => {
    const { queue } = openQueueFixture<string>();
    const messages = recordMessages('deskcache:queue');
    expect(() =>
      queue.transact(() => {
        queue.enqueue('a');
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(messages).toEqual([]);
    queue.transact(() => {
      queue.enqueue('kept');
      try {
        queue.transact(() => {
          queue.enqueue('b');
          throw new Error('no');
        });
      } catch {}
    });
    expect(messages).toHaveLength(1);
    expect([...queue.jobs('ready')].map(({ id }) => id)).toEqual(messages.map(({ id }) => id));
  });
});
