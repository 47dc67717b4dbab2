import type { StoreDeclarations } from '../protocol/stores.ts';
import type { HttpService } from './electron/http-service.ts';
import type { PlacedEngine } from './engine-placement.ts';
import type { HostOptions } from './host.ts';
import { MetricsCollector } from './metrics/metrics-collector.ts';
import type { HostMetrics } from './metrics/process-metrics.ts';
import { warnAboutSlowCalls } from './metrics/slow-calls.ts';

/** The parts of a host that are measured. */
export interface MeasuredHost {
  readonly directory: string;
  readonly engine: PlacedEngine;
  readonly http: HttpService;
}

type Options = Pick<HostOptions<StoreDeclarations>, 'metrics' | 'slowCallWarningMs'>;

/** The metrics of a host: of this process, and of its utility process if it has one. */
export class HostMetricsReader {
  readonly #engine: PlacedEngine;
  readonly #collector: MetricsCollector;
  readonly #endWarnings: () => void;

  constructor({ directory, engine, http }: MeasuredHost, { metrics = false, slowCallWarningMs }: Options) {
    this.#engine = engine;
    this.#collector = new MetricsCollector({
      directory,
      listStores: () => [...engine.listOwnStores(), ...http.listStores()],
      listQueues: () => engine.listQueues(),
    });
    if (metrics) this.#collector.start();
    this.#endWarnings = slowCallWarningMs === undefined ? () => {} : warnAboutSlowCalls(slowCallWarningMs);
  }

  /** Both processes are asked at the same time. @throws {DiskCacheError} `DISCONNECTED`, `CLOSED` if the utility process has ended. */
  async read(): Promise<HostMetrics> {
    const [main, utility] = await Promise.all([this.#collector.read(), this.#engine.readUtilityMetrics?.()]);
    return { main, utility };
  }

  close(): void {
    this.#collector.close();
    this.#endWarnings();
  }
}
