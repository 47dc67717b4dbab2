import { PassThrough, type Readable, Writable } from 'node:stream';
import type * as Electron from 'electron';
import { assertKnownOptions } from '../unknown-member-guard.ts';
import type { Credentials } from './cors.ts';
import type { IncomingResponse } from './http-request.ts';
import type { LoadListener, LoadRequest, Login } from './network-loader.ts';

const KNOWN_OPTIONS = [
  'session',
  'url',
  'method',
  'headers',
  'origin',
  'credentials',
  'useSessionCookies',
  'cache',
  'redirect',
  'referrerPolicy',
  'bypassCustomProtocolHandlers',
];

/** Sends a request by a session's network. */
export type SendRequest = (load: LoadRequest, listener: LoadListener) => Promise<IncomingResponse>;

/**
 * `net.request`, as in Electron's lib/common/api/net-client-request.ts: written data is collected and sent at the end, or immediately with
 * `chunkedEncoding`; a manual redirect is reported, and cancelled unless `followRedirect` is called at once; a server that requires a
 * password emits `login`; failures are events.
 */
export class ClientRequest extends Writable {
  readonly #options: Electron.ClientRequestConstructorOptions;
  readonly #send: SendRequest;
  readonly #headers = new Map<string, string | readonly string[]>();
  readonly #stop = new AbortController();
  readonly #written: Buffer[] = [];
  #chunks: PassThrough | undefined;
  #isStarted = false;
  #follow: (() => void) | undefined;
  #response: Readable | undefined;

  constructor(options: Electron.ClientRequestConstructorOptions, send: SendRequest) {
    super();
    assertKnownOptions('net.request', options, KNOWN_OPTIONS);
    if (!/^https?:/.test(options.url ?? '')) throw new Error('ClientRequest only supports http: and https: protocols');
    if (options.credentials === 'same-origin' && !options.origin) {
      throw new Error('credentials: same-origin requires origin to be set');
    }
    this.#options = options;
    this.#send = send;
    for (const [name, value] of Object.entries(options.headers ?? {})) this.#headers.set(name.toLowerCase(), value);
  }

  get chunkedEncoding(): boolean {
    return this.#chunks !== undefined;
  }

  set chunkedEncoding(isChunked: boolean) {
    if (this.#isStarted) throw new Error('chunkedEncoding can only be set before the request is started');
    this.#chunks = isChunked ? new PassThrough() : undefined;
  }

  setHeader(name: string, value: string): void {
    if (this.#isStarted || this.#written.length > 0) throw new Error("Can't set headers after they are sent");
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) throw new Error(`Invalid header name: '${name}'`);
    if (/[\0\r\n]/.test(value)) throw new Error(`Invalid value for header '${name}': '${value}'`);
    this.#headers.set(name.toLowerCase(), String(value));
  }

  followRedirect(): void {
    if (!this.#follow) throw new Error('followRedirect() called, but was not waiting for a redirect');
    this.#follow();
  }

  abort(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#response?.destroy();
    this.#chunks?.destroy();
    process.nextTick(() => this.emit('abort'));
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#chunks) {
      this.#begin();
      this.#chunks.write(chunk, () => done());
    } else {
      this.#written.push(chunk);
      done();
    }
  }

  override _final(done: () => void): void {
    this.#begin();
    this.#chunks?.end();
    done();
  }

  #begin(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#start().catch((error: Error) => {
      if (!this.#stop.signal.aborted) this.emit('error', error);
    });
  }

  async #start(): Promise<void> {
    const { url = '', method = 'GET', credentials, useSessionCookies = false } = this.#options;
    const headers = Object.fromEntries([...this.#headers].map(([name, value]) => [name, value.toString()]));
    const said = this.#options.origin || this.#headers.get('origin');
    // A list is sent, and is not a string where Electron's native part looks for the initiator (electron_api_url_loader.cc).
    const origin = typeof said === 'string' && said !== '' ? said : undefined;
    const load: LoadRequest = {
      ...{ url: new URL(url), method: method.toUpperCase(), headers, origin },
      body: this.#chunks ?? (this.#written.length === 0 ? undefined : Buffer.concat(this.#written)),
      mode: headers['sec-fetch-mode'] ?? 'no-cors',
      credentials: (credentials ?? 'include') as Credentials,
      cookies: credentials !== undefined || useSessionCookies,
      signal: this.#stop.signal,
    };
    const received = await this.#send(load, {
      redirected: (status, newMethod, to, response) => this.#onRedirect(status, newMethod, to, response),
      challenged: (challenge) => this.#onChallenge(challenge),
    });
    this.#response = received.body;
    received.body.once('error', (error) => {
      if (!this.#stop.signal.aborted) this.emit('error', error);
    });
    const { status: statusCode, statusText: statusMessage } = received;
    const rawHeaders = received.rawHeaders.flat();
    this.#emit('response', Object.assign(received.body, { statusCode, statusMessage, rawHeaders }));
  }

  /** In Electron an error of a listener is an uncaught exception, and the request goes on. */
  #emit(event: string, ...args: unknown[]): boolean {
    try {
      return this.emit(event, ...args);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
      return true;
    }
  }

  /** Without a listener, and where one gives no name, the challenge is cancelled. */
  #onChallenge(challenge: object): Promise<Login> {
    return new Promise((resolve) => {
      const answer = (user?: string, password?: string) =>
        resolve(user === undefined || password === undefined ? undefined : { user, password });
      if (!this.#emit('login', challenge, answer)) answer();
    });
  }

  #onRedirect(status: number, method: string, to: string, { rawHeaders }: IncomingResponse): void {
    const { redirect = 'follow' } = this.#options;
    if (redirect === 'error') throw new Error("Attempted to redirect, but redirect policy was 'error'");
    const headers: Record<string, string[]> = {};
    for (const [name, value] of rawHeaders) {
      // Chromium keeps cookies to itself, except in raw fields, which a redirect does not tell.
      const key = name.toLowerCase();
      if (key !== 'set-cookie') headers[key] = [...(headers[key] ?? []), value];
    }
    let isFollowed = redirect === 'follow';
    this.#follow = () => {
      isFollowed = true;
    };
    this.#emit('redirect', status, method, to, headers);
    this.#follow = undefined;
    if (!isFollowed && !this.#stop.signal.aborted) throw new Error('Redirect was cancelled');
    this.#stop.signal.throwIfAborted();
  }
}
