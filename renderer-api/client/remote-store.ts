import type { ByteRange } from '../../protocol/byte-range.ts';
import { type Access, accessOf, type Role, type Signature } from '../../protocol/contract/signature.ts';
import { SIGNATURES_OF_ANY } from '../../protocol/contract.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { Range, SetOptions } from '../../protocol/options.ts';
import type { Page, PageOf } from '../../protocol/page.ts';
import { WHOLE_BYTES } from '../../protocol/value-stream.ts';
import type { News, WatchRange } from '../../protocol/wire.ts';
import type { Client } from './client.ts';
import { defineMethods } from './define-methods.ts';
import { rethrowLater } from './on-demand.ts';
import type { SubscribeOptions } from './remote.ts';
import { RemoteRange } from './remote-range.ts';
import { iterable, plain, sendable } from './sendable.ts';
import type { Listener } from './subscriptions.ts';
import { attempt } from './unsendable.ts';
import { openReadStream, readLarge, writeLarge, writeStream } from './value-streams.ts';

/**
 * A store of the main process, whatever its kind. Its methods are those of the contract: each looks whether its arguments can
 * be sent and becomes an operation of this turn. What a kind doesn't have the main process refuses, and the types don't show.
 */
export class RemoteStore {
  readonly #client: Client;
  readonly #store: string;
  readonly #signatures: Readonly<Record<string, Signature>>;

  /** Without `signatures`: of a kind that isn't known here. */
  constructor(client: Client, store: string, signatures: Readonly<Record<string, Signature>> = SIGNATURES_OF_ANY) {
    defineMethods(RemoteStore, Object.keys(SIGNATURES_OF_ANY), (store, method, args) => store.#call(method, args));
    defineMethods(RemoteStore, ['update', 'transact', 'memoize'], (_, method) => Promise.reject(takesFunction(method)));
    this.#client = client;
    this.#store = store;
    this.#signatures = signatures;
  }

  keys(range?: Range): RemoteRange<unknown> {
    return this.#range('keys', range);
  }

  values(range?: Range): RemoteRange<unknown> {
    return this.#range('values', range);
  }

  entries(range?: Range): RemoteRange<unknown> {
    return this.#range('entries', range);
  }

  reversed(): RemoteRange<unknown> {
    return this.values({ reverse: true });
  }

  openReadStream(key: Key, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined> {
    return attempt(() => {
      const [sentKey, sentRange] = sendable([key, range], STREAM_ARGUMENTS) as [Key, ByteRange?];
      return openReadStream(this.#client, this.#store, sentKey, sentRange);
    });
  }

  writeStream(key: Key, chunks: AsyncIterable<Uint8Array>, options?: SetOptions): Promise<void> {
    return attempt(() => {
      const [sentKey, sentOptions] = sendable([key, options], STREAM_ARGUMENTS) as [Key, SetOptions?];
      this.#client.listeners.near(this.#store)?.drop(sentKey);
      return writeStream(this.#client, this.#store, sentKey, chunks, sentOptions);
    });
  }

  /** All steps or none. */
  batch(steps: Iterable<unknown>): Promise<unknown> {
    return attempt(() => {
      this.#client.listeners.near(this.#store)?.drop();
      return this.#client.call(this.#store, 'batch', [
        Array.from(iterable(steps, 'steps'), (step) => this.#step(step)),
      ]);
    });
  }

  /** Answers the way out; `onError` hears why there are no more changes, and without it that is an uncaught error. */
  subscribe(listener: Listener, { onError = rethrowLater, ...range }: SubscribeOptions = {}): () => void {
    if (typeof listener !== 'function') throw new DiskCacheError('BAD_OPTION', 'subscribe takes a function');
    const [sent] = sendable([range], ['range']);
    return this.#client.listeners.subscribe({
      store: this.#store,
      range: sent as WatchRange,
      listener: listener as (change: News) => void,
      onError,
    });
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.#range('items')[Symbol.asyncIterator]();
  }

  #range(of: PageOf | 'items', range: Range = {}): RemoteRange<unknown> {
    return new RemoteRange((after) => this.#call('page', [of, range, after]) as Promise<Page>);
  }

  #call(method: string, args: readonly unknown[]): Promise<unknown> {
    return attempt(() => {
      const signature = this.#signature(method);
      const sent = sendable(args, signature.takes);
      const access = accessOf(signature, sent);
      const near = this.#client.listeners.near(this.#store);
      if (near !== undefined) {
        if (method === 'get') return near.read(sent[0], () => this.#get(sent, access));
        // What this page wrote it reads from then on, also before the write was answered.
        if (access !== 'read') near.drop(signature.takes[0] === 'key' ? sent[0] : undefined);
      }
      if (method === 'get') return this.#get(sent, access);
      if (method === 'set' && isLarge(sent[1])) return this.#setLarge(sent, sent[1]);
      return this.#client.call(this.#store, method, sent, access);
    });
  }

  /** A large value of bytes or text comes as a stream; any other fails as it did. */
  #get(sent: readonly unknown[], access: Access): Promise<unknown> {
    return this.#client.call(this.#store, 'get', sent, access, (refused) =>
      readLarge(this.#client, this.#store, sent[0] as Key).catch((error: unknown) => {
        throw isRefusal(error) ? refused : error;
      }),
    );
  }

  /** What is called on the store meanwhile waits, and so comes after it. */
  #setLarge(sent: readonly unknown[], bytes: Uint8Array): Promise<unknown> {
    const [key, , options] = sent as [Key, unknown, SetOptions | undefined];
    return this.#client.hold(this.#store, async () => {
      const stored = await writeLarge(this.#client, this.#store, key, bytes, options);
      if (!stored) await this.#client.callNow(this.#store, 'set', sent);
    });
  }

  /** What isn't known here takes anything, and the main process says what it thinks of it. */
  #signature(method: string): Signature {
    if (Object.hasOwn(this.#signatures, method)) return this.#signatures[method]!;
    return Object.hasOwn(SIGNATURES_OF_ANY, method) ? SIGNATURES_OF_ANY[method]! : UNKNOWN;
  }

  /** What can't be sent is refused here; what a step has to be the main process says. */
  #step(step: unknown): unknown {
    const [[method, given] = ['', undefined], ...more] = Object.entries(Object(step));
    if (more.length > 0 || method === '') return plain(step, 'step');
    if (Array.isArray(given)) return { [method]: sendable(given, this.#signature(method).takes) };
    if (method !== 'if' || typeof given !== 'object' || given === null) return plain(step, 'step');
    const { key, ...demand } = given as Record<string, unknown>;
    const [sentDemand, sentKey] = sendable(key === undefined ? [demand] : [demand, key], ['value', 'key']);
    return { if: { ...(sentDemand as object), ...(key !== undefined && { key: sentKey }) } };
  }
}

const isLarge = (value: unknown): value is Uint8Array => value instanceof Uint8Array && value.length > WHOLE_BYTES;

/** What is said of a value, or a store, that has no streams. */
const isRefusal = (error: unknown): boolean =>
  error instanceof DiskCacheError && (error.code === 'BAD_VALUE' || error.code === 'BAD_OPTION');

/** A key, and a range or options. */
const STREAM_ARGUMENTS: readonly Role[] = ['key', 'plain'];

const UNKNOWN: Signature = { access: 'admin', takes: ['...value'] };

const takesFunction = (method: string) =>
  new DiskCacheError(
    'BAD_OPTION',
    `${method} takes a function, and no function crosses to the main process; use batch([steps])`,
  );
