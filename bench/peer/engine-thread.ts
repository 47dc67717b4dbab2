/** The engine away from the main thread, as a utility process would have it: it answers a page over the page's own port. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { openSession } from '../../main/bridge/session.ts';
import { Cache } from '../../main/engine/index.ts';

export interface EngineThreadData {
  readonly directory: string;
  readonly port: MessagePort;
}

const { directory, port } = workerData as EngineThreadData;
const cache = new Cache(directory);
openSession(port as unknown as Parameters<typeof openSession>[0], FULL_GRANT, () => cache);

/** Any message asks for the end. */
parentPort?.once('message', () => {
  port.close();
  cache.close();
});
