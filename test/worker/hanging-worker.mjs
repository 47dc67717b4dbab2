/** Says that it is ready, and never serves a request. */
import { workerData } from 'node:worker_threads';

Atomics.store(workerData.ready, 0, 1);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
