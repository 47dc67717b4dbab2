import { Readable, Writable } from 'node:stream';
import type * as Electron from 'electron';
import { onlyKnown } from '../strict.ts';
import { throughNetworkService } from './network-service.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const KNOWN = [
  'session',
  'url',
  'method',
  'headers',
  'origin',
  'credentials',
  'cache',
  'redirect',
  'referrerPolicy',
  'bypassCustomProtocolHandlers',
];

/** Sends a request and answers with what came, redirects included. */
export type Send = (request: Request) => Promise<Response>;

/**
 * `net.request`, as far as Electron's lib/common/api/net-client-request.ts goes here: what is written is gathered and sent at the end;
 * a redirect that is to be handled by hand is told, and cancelled by whoever doesn't abort it; failures are events.
 */
export class ClientRequest extends Writable {
  readonly #options: Electron.ClientRequestConstructorOptions;
  readonly #send: Send;
  readonly #headers = new Headers();
  readonly #stop = new AbortController();
  readonly #written: Buffer[] = [];
  #answer: Readable | undefined;

  constructor(options: Electron.ClientRequestConstructorOptions, send: Send) {
    super();
    onlyKnown('net.request', options, KNOWN);
    if (!/^https?:/.test(options.url ?? '')) throw new Error('ClientRequest only supports http: and https: protocols');
    if (options.credentials === 'same-origin' && options.origin === undefined) {
      throw new Error('credentials: same-origin requires origin to be set');
    }
    this.#options = options;
    this.#send = send;
    for (const [name, value] of Object.entries(options.headers ?? {})) this.#headers.set(name, value.toString());
  }

  setHeader(name: string, value: string): void {
    this.#headers.set(name, value);
  }

  abort(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#answer?.destroy();
    process.nextTick(() => this.emit('abort'));
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#written.push(chunk);
    done();
  }

  override _final(done: () => void): void {
    done();
    this.#start().catch((error: Error) => {
      if (!this.#stop.signal.aborted) this.emit('error', error);
    });
  }

  async #start(): Promise<void> {
    const { url = '', method = 'GET', redirect = 'follow', credentials = 'omit' } = this.#options;
    const body = this.#written.length === 0 ? null : new Uint8Array(Buffer.concat(this.#written));
    const { signal } = this.#stop;
    const init = { method, headers: this.#headers, body, credentials, signal };
    const request = new Request(url, { ...init, redirect: redirect === 'follow' ? 'follow' : 'manual' });
    const mode = this.#headers.get('sec-fetch-mode') ?? 'no-cors';
    const received = await throughNetworkService({ request, initiator: this.#initiator, mode }, this.#send);
    if (redirect !== 'follow' && REDIRECTS.has(received.status))
      return this.#redirected(received, redirect, method, url);
    if (received.redirected) this.emit('redirect', 302, method, received.url, {});
    const answer = received.body === null ? Readable.from([]) : Readable.fromWeb(received.body as never);
    this.#answer = answer;
    const rawHeaders = [...received.headers].flat();
    const { status: statusCode, statusText: statusMessage } = received;
    this.emit('response', Object.assign(answer, { statusCode, statusMessage, rawHeaders }));
  }

  /** The header is taken for it, too, unless it is a list: that is no string when Electron's native part reads it. */
  get #initiator(): string | undefined {
    if (this.#options.origin !== undefined) return this.#options.origin;
    const listed = Object.entries(this.#options.headers ?? {}).find(([name]) => name.toLowerCase() === 'origin')?.[1];
    return Array.isArray(listed) ? undefined : (this.#headers.get('origin') ?? undefined);
  }

  async #redirected(received: Response, redirect: 'manual' | 'error', method: string, url: string): Promise<void> {
    await received.body?.cancel();
    if (redirect === 'error') throw new Error("Attempted to redirect, but redirect policy was 'error'");
    const headers: Record<string, string[]> = {};
    for (const [name, value] of received.headers) headers[name] = [...(headers[name] ?? []), value];
    const to = new URL(received.headers.get('location') ?? '', url).href;
    this.emit('redirect', received.status, method, to, headers);
    if (!this.#stop.signal.aborted) throw new Error('Redirect was cancelled');
  }
}
