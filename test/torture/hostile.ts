import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Grant } from '../../main/bridge/grant.ts';
import { cache, deque } from '../../protocol/stores.ts';
import { openBridge } from '../bridge/over-a-port.ts';

/*
 * A hostile page against a main process: `messages` messages, malformed ones and small ones that cost much, over one port after the
 * other, all of one window and origin. An honest page asks for a value all the while.
 * Run alone: npx node test/torture/hostile.ts 100000
 */

const MIB = 2 ** 20;
const GRANTED_BYTES = 5_000_000;
const PAUSE_MS = 5;

export interface HostileReport {
  readonly messages: number;
  /** Ports that the main process has closed, and those that the page was given. */
  readonly closed: number;
  readonly ports: number;
  /** The longest time for which the main process did nothing else, and for which an honest page waited for a value. */
  readonly stallMs: number;
  readonly honestMs: number;
  /** Memory of the process at most, over what it was at rest. Bytes. */
  readonly peakBytes: number;
  /** What the page was granted to write, and what its store has grown by on disk. */
  readonly grantedBytes: number;
  readonly writtenBytes: number;
}

export interface HostileOptions {
  /** Default 100 000. */
  readonly messages?: number;
  readonly seed?: number;
}

export async function attackByPage({ messages = 100_000, seed = 1 }: HostileOptions = {}): Promise<HostileReport> {
  const stores = { read: cache(), own: cache(), list: deque(), secret: cache(), honest: cache() };
  const grant: Grant = { stores: { read: 'read', own: 'write', list: 'read' }, bytes: GRANTED_BYTES };
  using bridge = openBridge({ stores });
  bridge.cacheInMain('read').set('large', new Uint8Array(900_000));
  bridge.cacheInMain('honest').set('k', 1);
  (bridge.registry.find('list') as unknown as { extend(values: unknown[]): void }).extend(new Array(2000).fill('x'));
  const principal = bridge.lobby.principals.get('hostile');
  const volume = () => bridge.cacheInMain('own').volume();
  const before = volume();
  const honest = bridge.diskCache.cache('honest');
  await honest.get('k');

  const page = new Worker(new URL('./hostile-page.ts', import.meta.url), { workerData: { messages, seed } });
  let [closed, ports, sent] = [0, 0, 0];
  const giveAPort = () => {
    const port = bridge.rawPort(grant, principal);
    ports++;
    page.postMessage({ port }, [port]);
  };
  const done = new Promise<void>((resolve, reject) => {
    page.on('error', reject);
    page.on('message', (message: { sent: number; isClosed?: boolean; isDone?: boolean }) => {
      sent = message.sent;
      if (message.isDone) resolve();
      if (message.isClosed) {
        closed++;
        if (sent < messages) giveAPort();
      }
    });
  });
  await new Promise((resolve) => page.once('online', resolve));
  await sleep(500);

  const rest = process.memoryUsage().rss;
  let [stallMs, honestMs, peakBytes] = [0, 0, 0];
  let isGoing = true;
  const watching = (async () => {
    while (isGoing) {
      const started = performance.now();
      await sleep(PAUSE_MS);
      stallMs = Math.max(stallMs, performance.now() - started - PAUSE_MS);
      peakBytes = Math.max(peakBytes, process.memoryUsage().rss - rest);
    }
  })();
  const asking = (async () => {
    while (isGoing) {
      const started = performance.now();
      if ((await honest.get('k')) !== 1) throw new Error('The honest page read something else');
      honestMs = Math.max(honestMs, performance.now() - started);
      await sleep(PAUSE_MS);
    }
  })();
  giveAPort();
  await done;
  // What was sent last is answered, too.
  await honest.get('k');
  isGoing = false;
  await Promise.all([watching, asking]);
  await page.terminate();
  if (bridge.cacheInMain('secret').size !== 0) throw new Error('The hostile page has written to a store of others');
  const writtenBytes = volume() - before;
  return { messages: sent, closed, ports, stallMs, honestMs, peakBytes, grantedBytes: GRANTED_BYTES, writtenBytes };
}

export function toText(report: HostileReport): string {
  const { messages, ports, closed, stallMs, honestMs, peakBytes, grantedBytes, writtenBytes } = report;
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
  return (
    `hostile page: ${messages} messages over ${ports} ports, of which ${closed} were closed; ` +
    `longest stall ${Math.round(stallMs)} ms, an honest get ${Math.round(honestMs)} ms; ` +
    `peak ${mib(peakBytes)} over rest; granted ${mib(grantedBytes)}, on disk ${mib(writtenBytes)}`
  );
}

if (process.argv[1] === import.meta.filename) {
  console.log(toText(await attackByPage({ messages: Number(process.argv[2] ?? 100_000) })));
}
