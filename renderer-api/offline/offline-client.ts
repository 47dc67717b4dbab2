import type { DiskCacheError } from '../../protocol/error.ts';
import { type CachesAnswer, type CachesCall, MAX_CALLS, type WireResponse } from '../../protocol/offline.ts';
import type { Plan } from '../../protocol/strategy.ts';
import type { Port } from '../client/line.ts';
import { OfflineLine } from './offline-line.ts';
import { type PushedBody, pushedBody } from './pushed-body.ts';
import { RemoteConnection } from './remote-connection.ts';
import { responseFrom, sayRequest, sayResponse } from './web-messages.ts';

/** Never aborted. */
const NEVER = new AbortController().signal;

/**
 * Carries `fetch` and CacheStorage to the main process, over a port that is opened by the first call and again by the first after
 * it was cut. So many calls are under way and no more; the others wait here.
 *
 * Invariant: every call settles, at the latest when its port has gone. The network takes its time; a signal ends the wait.
 */
export class OfflineClient {
  readonly connection: RemoteConnection;
  readonly #connect: (signal: AbortSignal) => Promise<Port>;
  readonly #timeout: number;
  readonly #waiting: (() => void)[] = [];
  #line: Promise<OfflineLine> | undefined;
  #underWay = 0;
  #lastId = 0;

  /** `timeout`: milliseconds to wait for a port. */
  constructor(connect: (signal: AbortSignal) => Promise<Port>, timeout: number) {
    this.#connect = connect;
    this.#timeout = timeout;
    this.connection = new RemoteConnection(() => this.#connected());
  }

  fetch(request: Request, plan: Plan | undefined): Promise<Response> {
    const { signal } = request;
    const answered = async (): Promise<Response> => {
      const pushed = await pushedBody(request.body);
      const said = { request: sayRequest(request), body: pushed.body, ...(plan !== undefined && { plan }) };
      const [line, response] = await this.#call(signal, pushed, (to, id) => to.ask('fetch', { ...said, id }));
      return responseFrom(line, response, signal);
    };
    return untilAborted(answered(), signal);
  }

  async put(cache: string, request: Request, response: Response): Promise<void> {
    const pushed = await pushedBody(response.body);
    const said = {
      method: 'put',
      cache,
      requests: [sayRequest(request)],
      response: { ...sayResponse(response), body: pushed.body },
    };
    await this.#call(NEVER, pushed, (line, id) => line.ask('caches', { ...said, id }));
  }

  /** What a method of CacheStorage gives. */
  caches(call: Omit<CachesCall, 'id'>, signal = NEVER): Promise<CachesAnswer> {
    const answered = this.#call(signal, undefined, (line, id) => line.ask('caches', { ...call, id }));
    return untilAborted(
      answered.then(([, answer]) => answer),
      signal,
    );
  }

  /** The responses that one gives. */
  async responses(call: Omit<CachesCall, 'id'>): Promise<Response[]> {
    const [line, answer] = await this.#call(NEVER, undefined, (to, id) => to.ask('caches', { ...call, id }));
    return (answer as readonly WireResponse[]).map((response) => responseFrom(line, response, NEVER));
  }

  /** Rejects everything open with `reason`; the next call connects again. */
  disconnect(reason: DiskCacheError): void {
    this.#line?.then((line) => line.close(reason)).catch(() => {});
    this.#line = undefined;
    this.connection.interrupted();
  }

  async #call<T>(
    signal: AbortSignal,
    pushed: PushedBody | undefined,
    say: (line: OfflineLine, id: number) => Promise<T>,
  ): Promise<readonly [OfflineLine, T]> {
    await this.#enter();
    const id = ++this.#lastId;
    let line: OfflineLine | undefined;
    const abort = () => line?.tell('abort', id);
    signal.addEventListener('abort', abort, { once: true });
    let failure: { readonly error: unknown } | undefined;
    try {
      line = await this.#connected();
      signal.throwIfAborted();
      const answer = say(line, id);
      pushed?.send(line).catch((error: unknown) => {
        failure = { error };
      });
      return [line, await answer];
    } catch (error) {
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
      this.connection.resume(line);
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

/** What comes of `work`, or the signal's reason as soon as it is aborted. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal === NEVER) return work;
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
