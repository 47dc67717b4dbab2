import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as offline from '../../main/queue/index.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { createGate, waitUntil } from './queue-fixture.ts';

const GUIDE = join(import.meta.dirname, '../../docs/guide-queue.md');
const EXAMPLES = [...readFileSync(GUIDE, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** Runs an example with these names in scope. Returns the values that it gives to them. */
function run(example: string, around: Readonly<Record<string, unknown>>, names: readonly string[]): Promise<unknown[]> {
  const code = stripTypeScriptTypes(example).replace(/^import .* from 'deskcache\/\w+';/, '');
  const body = `return (async () => { ${code}; return [${names.join(', ')}]; })()`;
  return new Function('Queue', 'directory', ...Object.keys(around), body)(
    offline.Queue,
    freshDirectory(),
    ...Object.values(around),
  );
}

it('the examples of the queue guide work as described', async () => {
  const [first = '', failures = '', events = '', fromPages = '', ...more] = EXAMPLES;
  expect(more).toEqual([]);

  const tries: unknown[] = [];
  const { passed: delivered, open } = createGate();
  const send = async (text: string, { attempt }: { readonly attempt: number }) => {
    tries.push(`${text} ${attempt}`);
    if (attempt < 3) throw new Error('no network');
    open();
  };
  expect(await run(first, { send, delivered }, ['id', 'again', 'done', 'dead'])).toEqual([
    1,
    { id: 1, duplicate: true },
    1,
    0,
  ]);
  expect(tries).toEqual(['Hello 1', 'Hello 2', 'Hello 3']);

  const settled = (queue: offline.Queue, count: number) =>
    waitUntil(() => queue.counts().done + queue.counts().dead === count);
  expect(await run(failures, { settled }, ['errors'])).toEqual([['dog.txt: Buried: not a picture']]);

  expect(await run(events, {}, ['waiting', 'told'])).toEqual([
    'delayed',
    [
      { kind: 'enqueued', id: 1 },
      { kind: 'removed', id: 1 },
    ],
  ]);

  using bridge = openBridge();
  const [heard, waiting]: [string[], string[]] = [[], []];
  const { passed: sent, open: told } = createGate();
  const queue = bridge.queues.find<{ readonly text: string }>('outbox', { durability: 'process' });
  const working = queue.process(() => {});
  queue.subscribe(({ kind }) => kind === 'done' && told());
  expect(
    await run(fromPages, { diskCache: bridge.diskCache, heard, waiting, sent }, ['id', 'done', 'delayed']),
  ).toEqual([1, 1, 1]);
  expect(waiting).toEqual(['How are you?']);
  expect(heard[0]).toBe('enqueued 1');
  bridge.queues.close();
  await working;
});
