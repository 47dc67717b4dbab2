import {
  type Access,
  type ArgumentRole,
  administers,
  getRequiredAccess,
  type Signature,
} from '../protocol/contract/signature.ts';
import { ANY_STORE_SIGNATURES } from '../protocol/contract.ts';
import { DiskCacheError, type ErrorData, fromErrorData } from '../protocol/error.ts';
import { deepFreeze } from '../protocol/freeze.ts';
import { READY_KEY, type ReadyFunction } from '../protocol/handshake.ts';
import type { Key } from '../protocol/key.ts';
import type { Range, SetOptions } from '../protocol/options.ts';
import type { Projection, ResultPage } from '../protocol/results.ts';
import type { ByteRange } from '../protocol/value-stream.ts';
import { MAX_INLINE_BYTES } from '../protocol/value-stream.ts';
import type { StoreEvent } from '../protocol/wire.ts';
import type { Client } from './client.ts';
import { openValueStream, readLargeValue, writeLargeValue, writeValueStream } from './large-values.ts';
import { parseListenerOptions } from './lazy-updates.ts';
import { loadFaults, loadPart } from './on-demand.ts';
import type { RemoteSubscribeOptions } from './remote.ts';
import { defineMethods, rejectOnThrow } from './remote.ts';
import { RemoteRange } from './remote-range.ts';
import type { RemoteSettingsListenerOptions } from './remote-settings.ts';
import type { SettingsListener, SettingsMirror, SettingsState } from './settings-mirror.ts';
import type { UpdateListener } from './subscriptions.ts';
import type { WatchableStore } from './watch.ts';
import { checkIterable, checkPlain, toWireArguments } from './wire-arguments.ts';

/**
 * A store of the main process, of any kind. Each method of the contract checks that its arguments can be sent and becomes an operation of
 * this turn. The main process refuses methods that the kind doesn't have; the types hide them.
 */
export class RemoteStore {
  readonly #client: Client;
  readonly #store: string;
  readonly #signatures: Readonly<Record<string, Signature>>;
  /** The page's copy of the settings, if the store has any. */
  readonly #settings: SettingsState = { listeners: new Set() };
  /** Keeps the copy up to date, from the first use on. */
  #opening: Promise<SettingsMirror> | undefined;

  /** `signatures` are those of the store's kind, if it is known. */
  constructor(client: Client, store: string, signatures: Readonly<Record<string, Signature>> = ANY_STORE_SIGNATURES) {
    defineMethods(RemoteStore, Object.keys(ANY_STORE_SIGNATURES), RemoteStore.run);
    defineMethods(RemoteStore, ['update', 'transact', 'memoize'], async (_, method) => {
      throw (await loadFaults()).createFunctionError(method);
    });
    defineMethods(RemoteStore, ['watch', 'watchMany'], (target, method, args) =>
      target.#client.updates.watch(target as unknown as WatchableStore, method, args),
    );
    this.#client = client;
    this.#store = store;
    this.#signatures = signatures;
  }

  keys(range?: Range): RemoteRange<unknown> {
    return this.#createRange('keys', range);
  }

  values(range?: Range): RemoteRange<unknown> {
    return this.#createRange('values', range);
  }

  entries(range?: Range): RemoteRange<unknown> {
    return this.#createRange('entries', range);
  }

  reversed(): RemoteRange<unknown> {
    return this.values({ reverse: true });
  }

  openReadStream(key: Key, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined> {
    return rejectOnThrow(() => {
      const [sentKey, sentRange] = toWireArguments([key, range], STREAM_ARGUMENT_ROLES) as [Key, ByteRange?];
      return openValueStream(this.#client, this.#store, sentKey, sentRange);
    });
  }

  writeStream(key: Key, chunks: AsyncIterable<Uint8Array>, options?: SetOptions): Promise<void> {
    return rejectOnThrow(() => {
      const [sentKey, sentOptions] = toWireArguments([key, options], STREAM_ARGUMENT_ROLES) as [Key, SetOptions?];
      this.#client.updates.loaded?.nearCache(this.#store)?.invalidate(sentKey);
      return writeValueStream(this.#client, this.#store, sentKey, chunks, sentOptions);
    });
  }

  /** Runs all steps or none. */
  batch(steps: Iterable<unknown>): Promise<unknown> {
    return rejectOnThrow(() => {
      this.#client.updates.loaded?.nearCache(this.#store)?.invalidate();
      return this.#client.call(this.#store, 'batch', [
        Array.from(checkIterable(steps, 'steps'), (step) => this.#toWireStep(step)),
      ]);
    });
  }

  /** Returns an unsubscribe function. `onError` receives the reason when the subscription ends by itself; without it that is an uncaught error. */
  subscribe(listener: UpdateListener, options?: RemoteSubscribeOptions): () => void {
    return this.#client.updates.subscribe(this.#store, listener as (change: StoreEvent) => void, options);
  }

  /** From here to `onAnyChange`: the members of `RemoteSettings` that aren't in the contract. */
  get now(): unknown {
    return this.#settings.now ?? this.#takeReady();
  }

  load(): Promise<void> {
    return this.#openMirror().then((mirror) => mirror.load());
  }

  onChange(path: unknown, listener: SettingsListener, options?: RemoteSettingsListenerOptions): () => void {
    const { listeners } = this.#settings;
    const registration = { path, listener, ...parseListenerOptions(listener, options) };
    const stop = () => listeners.delete(registration);
    listeners.add(registration);
    this.#openMirror().then(
      (mirror) => mirror.start(registration),
      (error) => stop() && registration.onError(error),
    );
    return stop;
  }

  onAnyChange(listener: SettingsListener, options?: RemoteSettingsListenerOptions): () => void {
    return this.onChange(undefined, listener, options);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.#createRange('items')[Symbol.asyncIterator]();
  }

  #createRange(projection: Projection | 'items', range: Range = {}): RemoteRange<unknown> {
    return new RemoteRange((after) => RemoteStore.run(this, 'page', [projection, range, after]) as Promise<ResultPage>);
  }

  /** Calls a method of the contract. Static, because classes with fewer methods than this one use it, too. */
  static run(store: RemoteStore, method: string, args: readonly unknown[]): Promise<unknown> {
    return rejectOnThrow(() => {
      const signature = store.#getSignature(method);
      const sent = toWireArguments(args, getRoles(method, args) ?? signature.takes);
      const access = getRequiredAccess(signature, sent);
      const near = store.#client.updates.loaded?.nearCache(store.#store);
      if (near !== undefined) {
        if (method === 'get') return near.get(sent[0], () => store.#get(sent, access));
        // This page reads its own write from now on, also before the write has resolved.
        if (access !== 'read') near.invalidate(signature.takes[0] === 'key' ? sent[0] : undefined);
      }
      if (method === 'get') return store.#get(sent, access);
      // Before the call, so that its read is sent in the same turn.
      const followed =
        access !== 'read' &&
        store.#opening?.then(
          (mirror) => mirror.follow(result),
          () => result,
        );
      const result =
        method === 'set' && isLarge(sent[1])
          ? store.#setLarge(sent, sent[1])
          : store.#client.call(store.#store, method, sent, access);
      return followed || result;
    });
  }

  /** Asks the preload script of a window with `ready` for the settings. From then on the mirror follows them. */
  #takeReady(): unknown {
    const ready = (globalThis as { readonly [READY_KEY]?: ReadyFunction })[READY_KEY]?.(this.#store);
    if (!(ready instanceof Map)) throw fromErrorData((ready ?? NOT_LOADED) as ErrorData);
    // If they can't be followed, the next `now` asks again.
    this.load().catch(() => {
      this.#settings.now = undefined;
    });
    this.#settings.now = this.#settings.ready = deepFreeze(ready.get(this.#store));
    return this.#settings.now;
  }

  /** Opens the mirror. Calls on the store wait for that, so that a listener receives the writes that follow its registration. */
  #openMirror(): Promise<SettingsMirror> {
    this.#opening ??= this.#client
      .exclusive(this.#store, async () => {
        const { openMirror } = await loadPart('settings', () => import('./settings-mirror.ts'));
        return openMirror(this.#client, this.#store, this.#settings);
      })
      .catch((error: unknown) => {
        this.#opening = undefined;
        throw error;
      });
    return this.#opening;
  }

  /** Reads a large value of bytes or text as a stream; other large values fail with the first error. */
  #get(sent: readonly unknown[], access: Access): Promise<unknown> {
    return this.#client.call(this.#store, 'get', sent, access, (refused) =>
      readLargeValue(this.#client, this.#store, sent[0] as Key).catch((error: unknown) => {
        throw isNotStreamable(error) ? refused : error;
      }),
    );
  }

  /** Calls made on the store in the meantime wait and run after it. */
  #setLarge(sent: readonly unknown[], bytes: Uint8Array): Promise<unknown> {
    const [key, , options] = sent as [Key, unknown, SetOptions | undefined];
    return this.#client.exclusive(this.#store, async () => {
      const stored = await writeLargeValue(this.#client, this.#store, key, bytes, options);
      if (!stored) await this.#client.callNow(this.#store, 'set', sent);
    });
  }

  /** Unknown methods take any arguments; the main process decides. */
  #getSignature(method: string): Signature {
    return Object.hasOwn(this.#signatures, method) ? this.#signatures[method]! : UNKNOWN_SIGNATURE;
  }

  /** Rejects what can't be sent; the main process validates the step. */
  #toWireStep(step: unknown): unknown {
    const [[method, given] = ['', undefined], ...more] = Object.entries(Object(step));
    if (more.length === 0) {
      if (Array.isArray(given)) return { [method]: toWireArguments(given, this.#getSignature(method).takes) };
      if (method === 'if' && typeof given === 'object' && given !== null) {
        const { key, ...test } = given as Record<string, unknown>;
        const [sentTest, sentKey] = toWireArguments(key === undefined ? [test] : [test, key], ['value', 'key']);
        return { if: { ...(sentTest as object), ...(key !== undefined && { key: sentKey }) } };
      }
    }
    return checkPlain(step, 'step');
  }
}

const isLarge = (value: unknown): value is Uint8Array => value instanceof Uint8Array && value.length > MAX_INLINE_BYTES;

/** Returns whether an error means that the value, or the store, has no streams. */
const isNotStreamable = (error: unknown): boolean =>
  error instanceof DiskCacheError && (error.code === 'BAD_VALUE' || error.code === 'BAD_OPTION');

/** For a key, and a range or options. */
const STREAM_ARGUMENT_ROLES: readonly ArgumentRole[] = ['key', 'plain'];

/** Returns the roles of arguments that only one kind of store takes: a patch of settings, or the queue options of a cache. */
function getRoles(method: string, args: readonly unknown[]): readonly ArgumentRole[] | undefined {
  if (method === 'set' && args.length === 1) return ['value'];
  return method === 'push' && Object(args[1]).prefix !== undefined ? ['value', 'queue'] : undefined;
}

const UNKNOWN_SIGNATURE = /* @__PURE__ */ administers('...value');

const NOT_LOADED: ErrorData = { code: 'BAD_OPTION', message: 'now: await load() first' };
