import type { CallMessage } from '../engine/index.ts';
import type { HttpMessage, SessionMessage } from '../engine/internal.ts';
import { DurationRecorder } from './duration-recorder.ts';
import { ByLabel, CountsByLabel } from './labels.ts';
import type { BridgeMetrics, CallMetrics, HttpMetrics } from './process-metrics.ts';

class CountedCalls {
  readonly #failures = new CountsByLabel();
  readonly #duration = new DurationRecorder();
  readonly #blocked = new DurationRecorder();
  #calls = 0;

  add({ durationMs, blockedMs, code }: CallMessage): void {
    this.#calls++;
    this.#duration.record(durationMs);
    this.#blocked.record(blockedMs);
    if (code !== undefined) this.#failures.add(code);
  }

  read(): CallMetrics {
    return {
      calls: this.#calls,
      failures: this.#failures.read(),
      duration: this.#duration.read(),
      blocked: this.#blocked.read(),
    };
  }
}

const REFUSALS: ReadonlySet<unknown> = new Set<CallMessage['code']>(['NOT_ALLOWED', 'NO_SUCH_STORE']);

/** Calls over ports, and sessions. */
export class CountedBridge {
  readonly #all = new CountedCalls();
  readonly #stores = new ByLabel(() => ({ calls: new CountedCalls(), methods: new CountsByLabel() }));
  readonly #closed = new CountsByLabel();
  #refused = 0;
  #opened = 0;

  addCall(message: CallMessage): void {
    this.#all.add(message);
    // A refused call names what its page likes.
    if (REFUSALS.has(message.code)) {
      this.#refused++;
      return;
    }
    const { calls, methods } = this.#stores.get(message.store);
    calls.add(message);
    methods.add(message.method);
  }

  addSession({ event, code }: SessionMessage): void {
    if (event === 'opened') this.#opened++;
    else this.#closed.add(code ?? 'CLOSED');
  }

  read(): BridgeMetrics {
    return {
      ...this.#all.read(),
      refused: this.#refused,
      stores: this.#stores.read(({ calls, methods }) => ({ ...calls.read(), methods: methods.read() })),
      sessions: { opened: this.#opened, closed: this.#closed.read() },
    };
  }
}

const DECISION = /; (?:(hit)|fwd=([a-z-]+))/;

/** Requests that HTTP caches have decided. */
export class CountedRequests {
  readonly #decisions = new CountsByLabel();
  readonly #failures = new CountsByLabel();
  readonly #duration = new DurationRecorder();
  #requests = 0;
  #contentBytes = 0;

  add({ cacheStatus, failure, contentLength = 0, durationMs }: HttpMessage): void {
    this.#requests++;
    this.#contentBytes += contentLength;
    this.#duration.record(durationMs);
    if (failure !== undefined) {
      this.#failures.add(failure);
      return;
    }
    const [, hit, forwarded] = DECISION.exec(cacheStatus ?? '') ?? [];
    this.#decisions.add(hit ?? forwarded ?? '(not from the cache)');
  }

  read(): HttpMetrics {
    return {
      requests: this.#requests,
      decisions: this.#decisions.read(),
      failures: this.#failures.read(),
      contentBytes: this.#contentBytes,
      duration: this.#duration.read(),
    };
  }
}
