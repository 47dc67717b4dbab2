import { expect, it } from 'vitest';
import * as queues from '../../main/queue/index.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { runExample } from '../docs/fences.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { createGate, waitUntil } from './queue-fixture.ts';

const run = (name: string, scope: Readonly<Record<string, unknown>>, ...returns: readonly string[]) =>
  runExample('docs/guide-queue.md', name, {
    modules: { 'deskcache/queue': queues, 'deskcache/renderer': { diskCache: scope['diskCache'] } },
    scope: { directory: freshDirectory(), ...scope },
    returns,
  });

it('the examples of the queue guide work as described', async () => {
  const tries: unknown[] = [];
  const { passed: delivered, open } = createGate();
  const send = async (text: string, { attempt }: { readonly attempt: number }) => {
    tries.push(`${text} ${attempt}`);
    if (attempt < 3) throw new Error('no network');
    open();
  };
  expect(await run('worker', { send, delivered }, 'id', 'again', 'done', 'dead')).toEqual({
    id: 1,
    again: { id: 1, duplicate: true },
    done: 1,
    dead: 0,
  });
  expect(tries).toEqual(['Hello 1', 'Hello 2', 'Hello 3']);

  const settled = (queue: queues.Queue, count: number) =>
    waitUntil(() => queue.counts().done + queue.counts().dead === count);
  expect(await run('failures', { settled }, 'errors')).toEqual({ errors: ['dog.txt: Buried: not a picture'] });

  expect(await run('events', {}, 'waiting', 'told')).toEqual({
    waiting: 'delayed',
    told: [
      { kind: 'enqueued', id: 1 },
      { kind: 'removed', id: 1 },
    ],
  });

  using bridge = openBridge();
  const [heard, waiting]: [string[], string[]] = [[], []];
  const { passed: sent, open: told } = createGate();
  const queue = bridge.queues.find<{ readonly text: string }>('outbox', { durability: 'process' });
  const working = queue.process(() => {});
  queue.subscribe(({ kind }) => kind === 'done' && told());
  const { diskCache } = bridge;
  expect(await run('page', { diskCache, heard, waiting, sent }, 'id', 'done', 'delayed')).toEqual({
    id: 1,
    done: 1,
    delayed: 1,
  });
  expect(waiting).toEqual(['How are you?']);
  expect(heard[0]).toBe('enqueued 1');
  bridge.queues.close();
  await working;
});
