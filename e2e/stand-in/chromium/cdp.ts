import { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { CDPSession } from 'playwright-core';

type Send = CDPSession['send'];
type Event = Parameters<CDPSession['on']>[0];

/** Commands and events of one DevTools target, or of the browser itself. Typed by Playwright's own table of the protocol. */
export interface CdpSession {
  /** Commands reach Chromium in the order of the calls. Rejects with the protocol's message. */
  readonly send: Send;
  readonly on: CDPSession['on'];
  readonly off: CDPSession['off'];
  readonly id: string | undefined;
}

interface CdpMessage {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly method?: Event;
  readonly params?: unknown;
  readonly sessionId?: string;
}

interface PendingCommand {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The Chrome DevTools Protocol over a pair of pipes: JSON texts, each ended by a NUL byte
 * (chromium: content/browser/devtools/devtools_pipe_handler.cc).
 * Invariant: every command is settled, at the latest when the pipe ends.
 */
export class CdpConnection {
  readonly browser: CdpSession;
  readonly #out: Writable;
  readonly #emitters = new Map<string | undefined, EventEmitter>();
  readonly #pending = new Map<number, PendingCommand>();
  #lastId = 0;
  #ended = false;
  #chunks: Buffer[] = [];

  constructor(out: Writable, incoming: Readable) {
    this.#out = out;
    this.browser = this.session(undefined);
    out.on('error', () => this.#end());
    incoming.on('data', (chunk: Buffer) => this.#read(chunk));
    incoming.on('error', () => this.#end());
    incoming.on('close', () => this.#end());
  }

  session(id: string | undefined): CdpSession {
    const emitter = this.#emitters.get(id) ?? new EventEmitter();
    this.#emitters.set(id, emitter);
    const send = ((method: string, params: object = {}) => this.#send(id, method, params)) as Send;
    const on = emitter.on.bind(emitter) as unknown as CDPSession['on'];
    const off = emitter.off.bind(emitter) as unknown as CDPSession['off'];
    return { id, send, on, off };
  }

  forget(id: string): void {
    this.#emitters.delete(id);
  }

  #send(sessionId: string | undefined, method: string, params: object): Promise<unknown> {
    if (this.#ended) return Promise.reject(new Error(`${method}: Chromium is gone`));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#pending.set(id, { method, resolve, reject });
      this.#out.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  #read(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, start)) {
      const text = Buffer.concat([...this.#chunks, chunk.subarray(start, end)]).toString();
      this.#chunks = [];
      start = end + 1;
      this.#dispatch(JSON.parse(text) as CdpMessage);
    }
    if (start < chunk.length) this.#chunks.push(chunk.subarray(start));
  }

  #dispatch(reply: CdpMessage): void {
    if (reply.id === undefined) {
      this.#emitters.get(reply.sessionId)?.emit(reply.method!, reply.params);
      return;
    }
    const waiting = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.error) waiting?.reject(new Error(`${waiting.method}: ${reply.error.message}`));
    else waiting?.resolve(reply.result);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { method, reject } of this.#pending.values()) reject(new Error(`${method}: Chromium is gone`));
    this.#pending.clear();
  }
}
