import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Grant } from '../../main/bridge/grant.ts';
import { openSession } from '../../main/bridge/session.ts';
import { cache, deque } from '../../protocol/stores.ts';
import { openBridge } from '../bridge/bridge-fixture.ts';
import { attackBytes } from './byte-attacks.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

/*
 * A hostile page against a main process: `messages` messages, malformed ones and small ones that cost much, over one port after the
 * other, all of one window and origin. An honest page asks for a value all the while.
 */

const MIB = 2 ** 20;
const GRANTED_BYTES = 5_000_000;
/** Rows lie in pages, value files in blocks, and the index, the tree's inner pages and the change log come on top. */
const OVERHEAD_BYTES = MIB + GRANTED_BYTES / 4;
const MAX_STALL_MS = 250;
const MAX_PEAK_BYTES = 300 * MIB;
const PAUSE_MS = 5;
/**
 * Below this number of messages time limits are printed but not enforced, because compiling and loading distort them.
 */
const MIN_TIMED_MESSAGES = 20_000;

interface HostileReport {
  readonly messages: number;
  /** Ports that the main process has closed, and those that the page was given. */
  readonly closed: number;
  readonly ports: number;
  /** The longest time for which the main process did nothing else: its thread's CPU time, as on a machine that is not busy. */
  readonly stallMs: number;
  /** The longest time for which an honest page waited for a value, on this machine as it is. */
  readonly honestMs: number;
  /** Memory of the main process at most, and of what waits for the page, over what it was at rest. Bytes. */
  readonly peakBytes: number;
  /** What the page was granted to write, and what its store has grown by on disk. */
  readonly grantedBytes: number;
  readonly writtenBytes: number;
}

/** CPU time of this thread, in milliseconds: the page has a thread of its own, and other processes don't count. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * The main process's end of a port, which delivers one message per turn of the event loop, as in Electron. Node's own port would deliver
 * all pending ones, so that a thousand messages block everything else whatever the product does with them.
 */
class YieldingPort {
  readonly #port: MessagePort;
  readonly #listeners: ((event: { data: unknown }) => void)[] = [];

  readonly #onClose: () => void;

  /** `onClose`: the session has closed it. A page that takes no messages is not told by Node. */
  constructor(port: MessagePort, onClose: () => void) {
    this.#port = port;
    this.#onClose = onClose;
  }

  addEventListener(_type: string, listener: (event: { data: unknown }) => void): void {
    this.#listeners.push(listener);
  }

  removeEventListener(): void {}

  postMessage(message: unknown): void {
    this.#port.postMessage(message);
  }

  close(): void {
    this.#port.close();
    this.#onClose();
  }

  /** Returns whether there was a message. */
  receive(): boolean {
    const received = receiveMessageOnPort(this.#port);
    if (received === undefined) return false;
    for (const listener of this.#listeners) listener({ data: received.message });
    return true;
  }
}

async function runAttack(messages: number, seed = 1): Promise<HostileReport> {
  const stores = { read: cache(), own: cache(), list: deque(), secret: cache(), honest: cache() };
  const grant: Grant = { stores: { read: 'read', own: 'write', list: 'read' }, bytes: GRANTED_BYTES };
  using bridge = openBridge({ stores });
  bridge.cacheInMain('read').set('large', new Uint8Array(900_000));
  bridge.cacheInMain('honest').set('k', 1);
  (bridge.registry.get('list') as unknown as { extend(values: unknown[]): void }).extend(new Array(2000).fill('x'));
  const principal = bridge.lobby.principals.get('hostile');
  const volume = () => bridge.cacheInMain('own').volume();
  const before = volume();
  const honest = bridge.diskCache.cache('honest');
  await honest.get('k');

  const received = new Int32Array(new SharedArrayBuffer(4));
  const page = new Worker(new URL('./hostile-page.ts', import.meta.url), {
    workerData: { messages, seed, received },
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 },
  });
  let [closed, ports, sent] = [0, 0, 0];
  let isGoing = true;
  let port: YieldingPort | undefined;
  const giveAPort = () => {
    const { port1, port2 } = new MessageChannel();
    port = new YieldingPort(port1, () => {
      closed++;
      if (isGoing) giveAPort();
    });
    openSession(port as never, grant, (name) => bridge.registry.get(name), bridge.lobby, principal);
    ports++;
    page.postMessage({ port: port2 }, [port2]);
  };
  await new Promise((resolve) => page.once('message', resolve));
  const done = new Promise<void>((resolve, reject) => {
    page.on('error', reject);
    page.on('message', (message: { sent: number }) => {
      sent = message.sent;
      resolve();
    });
  });

  // The page has its memory in the same process, so this thread's own is counted, and what waits for the page.
  const memoryInUse = () => {
    const { heapTotal, external } = process.memoryUsage();
    return heapTotal + external + principal.unreadBytes;
  };
  const rest = memoryInUse();
  let [stallMs, honestMs, peakBytes] = [0, 0, 0];
  const watching = (async () => {
    for (let before = threadCpuMs(); isGoing; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = threadCpuMs();
      stallMs = Math.max(stallMs, now - before);
      before = now;
      peakBytes = Math.max(peakBytes, memoryInUse() - rest);
      if (port?.receive()) Atomics.add(received, 0, 1);
      else await sleep(1);
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
  try {
    await Promise.race([done, Promise.all([watching, asking])]);
    // What was sent last is answered, too.
    await honest.get('k');
  } finally {
    isGoing = false;
  }
  await Promise.all([watching, asking]);
  await page.terminate();
  if (bridge.cacheInMain('secret').size !== 0) throw new Error('The hostile page has written to a store of others');
  const writtenBytes = volume() - before;
  return { messages: sent, closed, ports, stallMs, honestMs, peakBytes, grantedBytes: GRANTED_BYTES, writtenBytes };
}

const toMib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;

function toText(report: HostileReport): string {
  const { messages, ports, closed, stallMs, honestMs, peakBytes, grantedBytes, writtenBytes } = report;
  return (
    `${messages} messages over ${ports} ports, of which ${closed} were closed; ` +
    `longest stall ${Math.round(stallMs)} ms, an honest get ${Math.round(honestMs)} ms; ` +
    `peak ${toMib(peakBytes)} over rest; granted ${toMib(grantedBytes)}, on disk ${toMib(writtenBytes)}`
  );
}

async function run(count: number): Promise<TortureReport> {
  const overruns: string[] = [];
  let ways = 0;
  for await (const { way, bytes, grantedBytes, maxBytes } of attackBytes()) {
    ways++;
    if (bytes > maxBytes) overruns.push(`${way}: ${toMib(bytes)} on disk, ${toMib(grantedBytes)} were granted`);
  }
  const report = await runAttack(count);
  const { messages, stallMs, peakBytes, grantedBytes, writtenBytes } = report;
  const faults: string[] = [...overruns];
  if (messages >= MIN_TIMED_MESSAGES && stallMs > MAX_STALL_MS)
    faults.push(`the main process did nothing else for ${Math.round(stallMs)} ms, more than ${MAX_STALL_MS}`);
  if (peakBytes > MAX_PEAK_BYTES)
    faults.push(`peak of ${toMib(peakBytes)} over rest, more than ${toMib(MAX_PEAK_BYTES)}`);
  if (writtenBytes > grantedBytes + OVERHEAD_BYTES)
    faults.push(`${toMib(writtenBytes)} on disk, ${toMib(grantedBytes)} were granted`);
  return { figures: `${toText(report)}; ${ways} other ways to write, each beyond its grant`, faults };
}

/** A page that was taken over: nothing it sends may stop the main process, fill its memory, or more of the disk than was granted. */
export const hostilePageSuite: TortureSuite = { name: 'hostile-page', long: 100_000, short: 1500, run };
