/** Runs jobs as they are ordered: the main file of a process or of a worker thread. */
import { parentPort } from 'node:worker_threads';
import { JOBS, setSignalSender } from './jobs.ts';
import type { JobReply, JobRequest } from './worker-pool.ts';

const post = (reply: JobReply): void => {
  if (parentPort) parentPort.postMessage(reply);
  else process.send?.(reply);
};

setSignalSender((signal) => post({ signal }));

(parentPort ?? process).on('message', async ({ id, job, args }: JobRequest) => {
  try {
    post({ id, value: await (JOBS[job] as (...args: readonly unknown[]) => unknown)(...args) });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    post({ id, error: { code, message } });
  }
});
