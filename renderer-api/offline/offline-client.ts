import type { DiskCacheError } from '../../protocol/error.ts';
import {
  type CachesAnswer,
  type CachesCall,
  MAX_CALLS,
  sayResponse,
  type WireResponse,
} from '../../protocol/offline.ts';
import { planOf } from '../../protocol/strategy.ts';
import { MAX_TIMER_MS } from '../../protocol/timer.ts';
import type { Port } from '../client/line.ts';
import { Caches } from './caches.ts';
import { Connection } from './connection.ts';
import { OfflineLine } from './offline-line.ts';
import { type PushedBody, pushedBody } from './pushed-body.ts';
import { responseFrom } from './web-messages.ts';
import { toWireRequest } from './wire-request.ts';

/** Never aborted. */
const NEVER = new AbortController().signal;

/** What a call depends on. */
interface Circumstances {
  readonly signal: AbortSignal;
  /** Aborted when the page leaves. */
  readonly left: AbortSignal;
  readonly pushed?: PushedBody;
}

/**
 * Carries `fetch` and CacheStorage to the main process, over a port that is opened by the first call and again by the first after
 * it was cut. So many calls are under way and no more; the others wait here.
 *
 * Invariant: every call settles, at the latest when its port has gone. The network takes its time; a signal ends the wait.
 */
export class OfflineClient {
  readonly connection: Connection;
  readonly storage = new Caches(this);
  readonly #connect: (signal: AbortSignal) => Promise<Port>;
  readonly #timeout: number;
  readonly #waiting: (() => void)[] = [];
  #left = new AbortController();
  #line: Promise<OfflineLine> | undefined;
  #underWay = 0;
  #lastId = 0;

  /** `timeout`: milliseconds to wait for a port. */
  constructor(connect: (signal: AbortSignal) => Promise<Port>, timeout: number) {
    this.#connect = connect;
    this.#timeout = Math.min(timeout, MAX_TIMER_MS);
    this.connection = new Connection(() => this.#connected());
  }

  /** @throws as `DiskCache.fetch`. */
  async fetch(request: Request, wanted: Parameters<typeof planOf>[0]): Promise<Response> {
    const { signal } = request;
    if (request.integrity !== '') throw new TypeError(`The integrity of ${request.url} can't be checked here`);
    const plan = planOf(wanted);
    return this.#settling(signal, async (left) => {
      const pushed = await pushedBody(request.body, [signal, left]);
      const said = { request: toWireRequest(request), body: pushed.body, ...(plan !== undefined && { plan }) };
      const [line, response] = await this.#call({ signal, left, pushed }, (to, id) => to.ask('fetch', { ...said, id }));
      return responseFrom(line, response, signal);
    });
  }

  put(cache: string, request: Request, response: Response): Promise<void> {
    return this.#settling(NEVER, async (left) => {
      const pushed = await pushedBody(response.body, [left]);
      const said = {
        method: 'put',
        cache,
        requests: [toWireRequest(request)],
        response: { ...sayResponse(response), body: pushed.body },
      };
      await this.#call({ signal: NEVER, left, pushed }, (line, id) => line.ask('caches', { ...said, id }));
    });
  }

  /** What a method of CacheStorage gives. */
  caches(call: Omit<CachesCall, 'id'>, signal = NEVER): Promise<CachesAnswer> {
    return this.#settling(signal, async (left) => {
      const [, answer] = await this.#call({ signal, left }, (line, id) => line.ask('caches', { ...call, id }));
      return answer;
    });
  }

  /** The responses that one gives. */
  responses(call: Omit<CachesCall, 'id'>): Promise<Response[]> {
    return this.#settling(NEVER, async (left) => {
      const [line, answer] = await this.#call({ signal: NEVER, left }, (to, id) => to.ask('caches', { ...call, id }));
      return (answer as readonly WireResponse[]).map((response) => responseFrom(line, response, NEVER));
    });
  }

  /** Rejects everything open with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#left.abort(reason);
    this.#left = new AbortController();
    this.#line?.then((line) => line.close(reason)).catch(() => {});
    this.#line = undefined;
    this.connection.interrupted();
  }

  /** What comes of `work`, or as soon as it is aborted the reason of `signal`, or why the page has left. */
  #settling<T>(signal: AbortSignal, work: (left: AbortSignal) => Promise<T>): Promise<T> {
    const left = this.#left.signal;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const aborted = ({ target }: Event) => reject((target as AbortSignal).reason);
      for (const it of [signal, left]) it.addEventListener('abort', aborted, { once: true });
      work(left)
        .then(resolve, reject)
        .finally(() => {
          for (const it of [signal, left]) it.removeEventListener('abort', aborted);
        });
    });
  }

  async #call<T>(
    { signal, left, pushed }: Circumstances,
    say: (line: OfflineLine, id: number) => Promise<T>,
  ): Promise<readonly [OfflineLine, T]> {
    await this.#enter();
    const id = ++this.#lastId;
    let line: OfflineLine | undefined;
    const abort = () => line?.tell('abort', id);
    signal.addEventListener('abort', abort, { once: true });
    let failure: { readonly error: unknown } | undefined;
    try {
      left.throwIfAborted();
      line = await this.#connected();
      for (const it of [signal, left]) it.throwIfAborted();
      const answer = say(line, id);
      pushed?.send(line).catch((error: unknown) => {
        failure = { error };
      });
      return [line, await answer];
    } catch (error) {
      pushed?.drop(error);
      throw failure === undefined ? error : failure.error;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#underWay < MAX_CALLS) this.#underWay++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever waits longest takes the place. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#underWay--;
    else next();
  }

  #connected(): Promise<OfflineLine> {
    if (this.#line !== undefined) return this.#line;
    const connecting = this.#connect(AbortSignal.timeout(this.#timeout)).then((port) => {
      const line = new OfflineLine(port, {
        onEnd: () => this.#lost(connecting),
        onConnection: (online) => this.connection.tell(online),
      });
      if (this.#line === connecting) this.connection.resume(line);
      return line;
    });
    this.#line = connecting;
    connecting.catch(() => {
      if (this.#line === connecting) this.#line = undefined;
    });
    return connecting;
  }

  #lost(line: Promise<OfflineLine>): void {
    if (this.#line !== line) return;
    this.#line = undefined;
    this.connection.interrupted();
    this.connection.reconnect();
  }
}
