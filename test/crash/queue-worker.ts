/** Works on a queue until it is killed, and writes down what it begins and ends: `queue-worker.ts <directory> <log>`. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from '../../main/queue/index.ts';

const [, , directory = '', log = ''] = process.argv;
// Leases outlast the test: a dead worker is recognised by its process.
const queue = new Queue<number>(directory, { durability: 'process', timeout: 60_000, lease: 3_600_000 });
const out = openSync(log, 'a');
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

let said = false;
await queue.process(
  async ({ id, group, attempt }) => {
    // One write each, appended: lines of all workers stand in the order in which they were written.
    writeSync(out, `begin ${id} ${String(group)} ${attempt}\n`);
    if (!said) writeSync(1, 'at work\n');
    said = true;
    await sleep(Math.random() * 30);
    writeSync(out, `end ${id} ${String(group)} ${attempt}\n`);
  },
  { concurrency: 8, retry: { attempts: Number.POSITIVE_INFINITY }, signal: stopping.signal },
);
queue.close();
closeSync(out);
