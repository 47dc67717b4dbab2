/** Runs jobs as they are ordered: the main file of a process or of a worker thread. */
import { parentPort } from 'node:worker_threads';
import type { Order, Reply } from './crew.ts';
import { JOBS, signalBy } from './jobs.ts';

const post = (reply: Reply): void => {
  if (parentPort) parentPort.postMessage(reply);
  else process.send?.(reply);
};

signalBy((signal) => post({ signal }));

(parentPort ?? process).on('message', async ({ id, job, args }: Order) => {
  try {
    post({ id, value: await (JOBS[job] as (...args: readonly unknown[]) => unknown)(...args) });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    post({ id, error: { code, message } });
  }
});
