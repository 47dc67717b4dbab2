import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { EvictionMessage } from '../engine/index.ts';
import type { Sample } from './contract.ts';
import { type InspectionSource, isCache } from './inspected-stores.ts';

const SAMPLE_INTERVAL_MS = 1000;
const MAX_SAMPLES = 600;
/** Sampling ends when no page has asked for this long. */
const IDLE_MS = 30_000;
/** Bytes are measured in every fifth sample: value files are counted for it. */
const SAMPLES_PER_MEASUREMENT = 5;
const DELAY_RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/** Samples of what the stores do, taken once a second while a page asks for them. */
export class Metrics {
  readonly #source: InspectionSource;
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  readonly #bytes = new Map<string, number>();
  readonly #samples: Sample[] = [];
  #sequence = 0;
  #calls = 0;
  #evictions = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastReadAt = 0;

  constructor(source: InspectionSource) {
    this.#source = source;
  }

  /** Returns the samples from a sequence number on, and begins to sample. */
  read(since: number): { readonly samples: readonly Sample[] } {
    this.#lastReadAt = performance.now();
    if (this.#timer === undefined) this.#start();
    return { samples: this.#samples.filter(({ sequence }) => sequence >= since) };
  }

  close(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#delay.disable();
    unsubscribe('deskcache:call', this.#onCall);
    unsubscribe('deskcache:eviction', this.#onEviction);
  }

  #start(): void {
    this.#timer = setInterval(() => this.#sample(), SAMPLE_INTERVAL_MS).unref();
    this.#delay.enable();
    subscribe('deskcache:call', this.#onCall);
    subscribe('deskcache:eviction', this.#onEviction);
    this.#sample();
  }

  readonly #onCall = (): void => {
    this.#calls++;
  };

  readonly #onEviction = (message: unknown): void => {
    this.#evictions += (message as EvictionMessage).rows;
  };

  #sample(): void {
    if (performance.now() - this.#lastReadAt > IDLE_MS) {
      this.close();
      return;
    }
    const sequence = this.#sequence++;
    const stores = this.#measureStores(sequence % SAMPLES_PER_MEASUREMENT === 0);
    const longestMs = this.#delay.max / NS_PER_MS - DELAY_RESOLUTION_MS;
    this.#samples.push({
      sequence,
      at: Date.now(),
      delayMs: Math.max(0, this.#delay.count === 0 ? 0 : longestMs),
      calls: this.#calls,
      evictions: this.#evictions,
      stores,
    });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    this.#calls = this.#evictions = 0;
    this.#delay.reset();
  }

  #measureStores(measuresBytes: boolean): Sample['stores'] {
    const stores: Record<string, Sample['stores'][string]> = {};
    for (const inspected of this.#source.listStores()) {
      if (inspected.kind === undefined) continue;
      const { name, store } = inspected;
      try {
        if (measuresBytes || !this.#bytes.has(name)) this.#bytes.set(name, store.volume());
        stores[name] = { bytes: this.#bytes.get(name)!, ...(isCache(inspected) && inspected.store.stats()) };
      } catch {
        // A store that was closed or can't be read has no sample; the overview tells why.
      }
    }
    return stores;
  }
}
