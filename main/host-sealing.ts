import { DiskCacheError } from '../protocol/error.ts';
import type { EncryptionKeys } from '../protocol/options.ts';
import type { StoreDeclarations } from '../protocol/stores.ts';
import { type ResealOptions, type ResealResult, reseal } from './engine/index.ts';
import { isResealDue, isSealed, resolveDirectory, SealKeys, sealStores, withStoreKeys } from './engine/internal.ts';
import type { HostOptions, HostQueueOptions, RotateOptions } from './host.ts';
import type { OpenQueueOptions } from './queue/index.ts';

type Options = HostOptions<StoreDeclarations>;

/** What a host does for its sealed stores: keeps their keys, opens the stores with them, and seals again what an earlier key has sealed. */
export class HostSealing {
  readonly #keys: SealKeys | undefined;
  readonly #closing = new AbortController();
  #stores: readonly object[] | undefined;

  private constructor(keys: SealKeys | undefined) {
    this.#keys = keys;
  }

  /** @throws {DiskCacheError} what `SealKeys.open` throws. */
  static async open(directory: string, { seal, allowPlainTextKey = false }: Options): Promise<HostSealing> {
    resolveDirectory(directory);
    return new HostSealing(seal && (await SealKeys.open(directory, seal, allowPlainTextKey)));
  }

  /**
   * Returns the options with keys in place of `sealed`.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a sealed store without `seal`.
   */
  withKeys<O extends Options>(options: O): O & { readonly storeKeys: EncryptionKeys | undefined } {
    const { stores, windows, caches } = options;
    const keys = this.#keys?.options;
    return {
      ...options,
      stores: sealStores(stores, keys),
      storeKeys: keys,
      ...(windows && { windows: withStoreKeys('openDiskCache, windows', windows, keys) }),
      ...(caches && { caches: withStoreKeys('openDiskCache, caches', caches, keys) }),
    };
  }

  withQueueKeys(name: string, options: HostQueueOptions | undefined): OpenQueueOptions | undefined {
    return options && withStoreKeys(`Queue "${name}"`, options, this.#keys?.options);
  }

  /** Seals in the background what the stores of this process have that isn't sealed with the present key. */
  start(stores: readonly object[]): void {
    this.#stores = stores;
    if (this.#keys === undefined) return;
    void this.#resealAll(stores.filter(isResealDue), {}).catch((error: unknown) => {
      if (!this.#closing.signal.aborted) process.emitWarning(error instanceof Error ? error : String(error));
    });
  }

  /** Seals every store of this process with a new key. @throws {DiskCacheError} as `Host.rotateSealKey` */
  async rotate(options: RotateOptions = {}): Promise<ResealResult> {
    if (this.#keys === undefined || this.#stores === undefined) {
      throw new DiskCacheError(
        'BAD_OPTION',
        "host.rotateSealKey needs openDiskCache({ seal }), and isn't available with placement: 'utility'",
      );
    }
    const sealed = this.#stores.filter(isSealed);
    return this.#resealAll(sealed, { ...options, encryptionKey: await this.#keys.add() });
  }

  /** Keys are kept until no store needs them. */
  async #resealAll(stores: readonly object[], { signal, ...options }: ResealOptions): Promise<ResealResult> {
    let [items, damaged] = [0, 0];
    const { signal: closing } = this.#closing;
    const stopping = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    for (const store of stores) {
      stopping.throwIfAborted();
      const result = await reseal(store, { ...options, signal: stopping });
      items += result.items;
      damaged += result.damaged;
    }
    this.#keys!.forgetUnused();
    return { items, damaged };
  }

  close(): void {
    this.#closing.abort();
  }
}
