/**
 * Sends notes to a server that fails now and then, from a process that is killed half-way. None is lost, each arrives once, and those of
 * one author arrive in order.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue } from 'deskcache/offline';

interface Note {
  readonly id: string;
  readonly text: string;
}

const [directory, url] = process.argv.slice(2);
if (directory !== undefined && url !== undefined) await runOutbox(directory, url);
else await runDemo();

/** The worker's loop, until it is killed or nothing is left. */
async function runOutbox(from: string, to: string): Promise<void> {
  const outbox = new Queue<Note>(from);
  const stopping = new AbortController();
  outbox.subscribe(() => {
    const { done, dead, ...open } = outbox.counts();
    if (Object.values(open).every((jobs) => jobs === 0)) stopping.abort();
  });
  await outbox.process(
    async ({ payload, signal }) => {
      const response = await fetch(to, { method: 'POST', body: JSON.stringify(payload), signal });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
    },
    { concurrency: 2, retry: { backoff: { initial: 50 } }, signal: stopping.signal },
  );
  outbox.close();
}

async function runDemo(): Promise<void> {
  const arrived = new Map<string, string>();
  let asked = 0;
  const server = createServer(async (request, response) => {
    const { id, text } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as Note;
    // The server recognises a note that is sent again, because its sender died before recording its arrival, by its id.
    const isTaken = ++asked % 4 !== 0;
    if (isTaken) arrived.set(id, text);
    await wait(20);
    response.writeHead(isTaken ? 204 : 503).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const folder = mkdtempSync(join(tmpdir(), 'deskcache-outbox-'));
  const outbox = new Queue<Note>(folder);
  const notes = Array.from({ length: 40 }, (_, at) => ({
    payload: { id: `note-${at}`, text: `${at % 2 ? 'Bob' : 'Ada'} ${at >> 1}` },
    group: at % 2 ? 'Bob' : 'Ada',
  }));
  outbox.enqueueMany(notes);

  const start = () => spawn(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), folder, address]);
  const first = start();
  while (arrived.size < 10) await wait(5);
  first.kill('SIGKILL');
  await once(first, 'exit');
  console.log(`The worker was killed when ${arrived.size} of ${notes.length} notes had arrived.`);

  await once(start(), 'exit');
  const inOrder = ['Ada', 'Bob'].every((author) => {
    const numbers = [...arrived.values()]
      .filter((text) => text.startsWith(author))
      .map((text) => Number(text.slice(4)));
    return numbers.every((number, at) => number === at);
  });
  console.log(`Another one went on: now ${arrived.size} have, in order: ${inOrder ? 'yes' : 'no'}.`);
  console.log(`Left in the outbox: ${[...outbox.jobs('ready'), ...outbox.jobs('dead')].length}.`);

  outbox.close();
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
}
