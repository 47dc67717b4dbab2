import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import type { DiagnosticsMessages } from '../engine/index.ts';
import type { Queue } from '../queue/index.ts';
import { CountedBridge, CountedRequests } from './counted-calls.ts';
import { CountedQueue, CountedStore, toStoreLabel } from './counted-stores.ts';
import { ByLabel } from './labels.ts';
import { countJobs, measureStore } from './measure-store.ts';
import type { EventLoopDelay, ProcessMetrics, QueueMetrics, StoreMetrics } from './process-metrics.ts';

/** The stores and queues that are open in this process. */
export interface MetricsSource {
  readonly directory: string;
  listStores(): readonly (readonly [name: string, store: object])[];
  listQueues(): readonly (readonly [name: string, queue: Queue])[];
}

type Listeners = { readonly [N in keyof DiagnosticsMessages]?: (message: DiagnosticsMessages[N]) => void };

type DelayMonitor = ReturnType<typeof monitorEventLoopDelay>;

const DELAY_RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/** Counts what the channels of diagnostics tell, from the first `read` or from `start` on; before that it costs nothing. */
export class MetricsCollector {
  readonly #source: MetricsSource;
  readonly #directory: string;
  readonly #stores = new ByLabel(() => new CountedStore());
  readonly #queues = new ByLabel(() => new CountedQueue());
  readonly #bridge = new CountedBridge();
  readonly #requests = new CountedRequests();
  readonly #listeners = new Map<string, (message: unknown) => void>();
  #countedSince = 0;
  #delay: DelayMonitor | undefined;

  constructor(source: MetricsSource) {
    this.#source = source;
    this.#directory = resolve(source.directory);
  }

  /** Begins to count. Idempotent. */
  start(): void {
    if (this.#delay !== undefined) return;
    this.#countedSince = Date.now();
    this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
    this.#delay.enable();
    const listeners: Listeners = {
      'deskcache:transaction': (message) => this.#findStore(message.directory)?.addTransaction(message),
      'deskcache:eviction': (message) => this.#findStore(message.directory)?.addEviction(message),
      'deskcache:checkpoint': (message) => this.#findStore(message.directory)?.addCheckpoint(message),
      'deskcache:queue': (message) => this.#findQueue(message.directory)?.add(message),
      'deskcache:call': (message) => this.#bridge.addCall(message),
      'deskcache:session': (message) => this.#bridge.addSession(message),
      'deskcache:http': (message) => this.#requests.add(message),
    };
    for (const [name, listener] of Object.entries(listeners)) {
      this.#listeners.set(name, listener as (message: unknown) => void);
      subscribe(name, listener as (message: unknown) => void);
    }
  }

  /** Returns what was counted, with measurements of the open stores: one store in each turn of the event loop. */
  async read(): Promise<ProcessMetrics> {
    this.start();
    return {
      pid: process.pid,
      countedSince: this.#countedSince,
      stores: await this.#readStores(),
      bridge: this.#bridge.read(),
      http: this.#requests.read(),
      queues: this.#readQueues(),
      eventLoopDelay: toEventLoopDelay(this.#delay!),
    };
  }

  /** Stops counting. */
  close(): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener);
    this.#listeners.clear();
    this.#delay?.disable();
  }

  #findStore(directory: string): CountedStore | undefined {
    const label = toStoreLabel(this.#directory, directory);
    return label?.kind === 'store' ? this.#stores.get(label.name) : undefined;
  }

  #findQueue(directory: string): CountedQueue | undefined {
    const label = toStoreLabel(this.#directory, directory);
    return label?.kind === 'queue' ? this.#queues.get(label.name) : undefined;
  }

  async #readStores(): Promise<Readonly<Record<string, StoreMetrics>>> {
    const measured: Record<string, StoreMetrics> = {};
    for (const [name, store] of this.#source.listStores()) {
      measured[name] = this.#stores.get(name).read(measureStore(store));
      await setImmediate();
    }
    return { ...this.#stores.read((counted) => counted.read(undefined)), ...measured };
  }

  #readQueues(): Readonly<Record<string, QueueMetrics>> {
    const open = this.#source.listQueues().map(([name, queue]) => {
      const folder = name.toLowerCase();
      return [folder, this.#queues.get(folder).read(countJobs(queue))];
    });
    return { ...this.#queues.read((counted) => counted.read(undefined)), ...Object.fromEntries(open) };
  }
}

/** The histogram has the time between two looks, which is the resolution where nothing is late. */
function toEventLoopDelay(delay: DelayMonitor): EventLoopDelay {
  const toDelayMs = (ns: number) => (delay.count === 0 ? 0 : Math.max(0, ns / NS_PER_MS - DELAY_RESOLUTION_MS));
  return {
    meanMs: toDelayMs(delay.mean),
    p50Ms: toDelayMs(delay.percentile(50)),
    p99Ms: toDelayMs(delay.percentile(99)),
    maxMs: toDelayMs(delay.max),
  };
}
