import { randomUUID } from 'node:crypto';
import type { CacheMethods, Key, StoredBytes } from '../../engine/index.ts';
import { isCorrupt } from '../../engine/internal.ts';
import { getStoredFields, withoutCookies, withoutFragment } from '../../http-semantics/fields.ts';
import { StagedBodies, writeBody } from '../bodies.ts';
import type { ResponseHead } from './policy.ts';
import { getSelectedBy, type Selection, selects, toSelection } from './policy.ts';

/** A stored response without its body. Of the request only a digest is stored: credentials never reach the disk. */
interface Variant extends Selection {
  readonly id: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly requestedAt: number;
  readonly receivedAt: number;
}

/** A stored response that a request selects. */
export interface StoredResponse extends ResponseHead {
  readonly id: string;
  readonly url: string;
  readonly statusText: string;
}

/** Responses stored for one URL; the oldest are deleted. */
const MAX_VARIANTS = 32;

/**
 * Responses in an engine's cache, several per URL (RFC 9111 §4.1). One item has the heads of all responses of a URL, at
 * `['http', partition, url]`; each body is an item at `['http-body', partition, url, id]`.
 *
 * Invariant: a response is named only after its body is whole; a response whose body was evicted counts as not stored.
 */
export class ResponseStore {
  readonly #cache: CacheMethods;
  readonly #partition: string;
  readonly #staged: StagedBodies;
  readonly #keepsCookies: boolean;

  constructor(cache: CacheMethods, partition: string, keepsCookies: boolean) {
    this.#keepsCookies = keepsCookies;
    this.#cache = cache;
    this.#partition = partition;
    this.#staged = new StagedBodies(cache, 'http-staged', partition);
  }

  /** Returns the newest response that the request selects. O(log n + responses of the URL). */
  find(request: Request): StoredResponse | undefined {
    const url = withoutFragment(request.url);
    const variant = this.#getVariants(url).find((it) => selects(request, it));
    if (variant === undefined) return undefined;
    return { ...variant, url, headers: new Headers(this.#withoutCookies(variant.headers).map(([...pair]) => pair)) };
  }

  /**
   * Stores a response and deletes the one that the request selects. `isWanted` is called when the body is whole: if it returns false,
   * nothing is stored. `onFailure` gets the error if the leftovers of ended processes could not be deleted.
   */
  async put(
    request: Request,
    head: ResponseHead & { readonly statusText: string },
    body: AsyncGenerator<Uint8Array>,
    isWanted: () => boolean,
    onFailure: (error: unknown) => void,
  ): Promise<void> {
    this.#staged.sweep(onFailure);
    const url = withoutFragment(request.url);
    const { status, statusText, requestedAt, receivedAt } = head;
    const variant: Variant = {
      id: randomUUID(),
      status,
      statusText,
      headers: this.#withoutCookies(getStoredFields(head.headers)),
      requestedAt,
      receivedAt,
      ...toSelection(request, getSelectedBy(head.headers)),
    };
    const bodyKey = this.#toBodyKey(url, variant.id);
    const staged = this.#staged.stage(variant.id, bodyKey);
    const commit = (): void => {
      staged.deleteNote();
      if (!isWanted()) return void this.#cache.delete(bodyKey);
      const others = this.#getUndamaged(url).filter((it) => !selects(request, it));
      this.#setVariants(url, [variant, ...others].slice(0, MAX_VARIANTS));
    };
    await writeBody(this.#cache, bodyKey, body, commit, staged);
  }

  /** Updates the head of a stored response after a response to this request, if it is still stored. */
  update(request: Request, { url, id, headers, requestedAt, receivedAt }: StoredResponse): void {
    this.#cache.transact(() => {
      const variants = this.#getVariants(url);
      if (!variants.some((it) => it.id === id)) return;
      const fields = this.#withoutCookies([...headers]);
      const selection = toSelection(request, getSelectedBy(headers));
      const updated = { headers: fields, requestedAt, receivedAt, ...selection };
      this.#cache.set(
        this.#toKey(url),
        variants.map((it) => (it.id === id ? { ...it, ...updated } : it)),
      );
    });
  }

  /** Returns undefined if the body was evicted. */
  openBody(stored: StoredResponse): StoredBytes | undefined {
    return this.#cache.openBytes(this.#toBodyKey(stored.url, stored.id));
  }

  deleteOne(stored: StoredResponse): void {
    this.#cache.transact(() =>
      this.#setVariants(
        stored.url,
        this.#getVariants(stored.url).filter((it) => it.id !== stored.id),
      ),
    );
  }

  /** Deletes all responses of a URL. Returns whether there were any. */
  delete(url: string): boolean {
    return this.#cache.transact(() => {
      const bodies = this.#deleteBodies(withoutFragment(url), new Set());
      return this.#cache.delete(this.#toKey(withoutFragment(url))) || bodies;
    });
  }

  /** Deletes everything of the partition. Returns the number of URLs that had responses. */
  clear(): number {
    return this.#cache.transact(() => {
      const [urls = 0] = ['http', 'http-body'].map((kind) =>
        this.#cache.deleteMany([...this.#cache.keys({ prefix: [kind, this.#partition], order: 'key' })]),
      );
      return urls;
    });
  }

  /** Also filters what earlier versions stored, which kept cookies. */
  #withoutCookies<F extends readonly [string, string]>(fields: readonly F[]): readonly F[] {
    return this.#keepsCookies ? fields : withoutCookies(fields);
  }

  #getVariants(url: string): readonly Variant[] {
    return (this.#cache.get(this.#toKey(url)) as readonly Variant[] | undefined) ?? [];
  }

  /** Returns an empty list for a damaged item, which the next response replaces. */
  #getUndamaged(url: string): readonly Variant[] {
    try {
      return this.#getVariants(url);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return [];
    }
  }

  #setVariants(url: string, variants: readonly Variant[]): void {
    this.#deleteBodies(url, new Set(variants.map((it) => it.id)));
    if (variants.length > 0) this.#cache.set(this.#toKey(url), variants);
    else this.#cache.delete(this.#toKey(url));
  }

  /** Deletes the bodies of a URL except `kept`, also those whose heads were evicted. */
  #deleteBodies(url: string, excludedIds: ReadonlySet<unknown>): boolean {
    const bodies = [...this.#cache.keys({ prefix: ['http-body', this.#partition, url], order: 'key' })];
    return this.#cache.deleteMany(bodies.filter((key) => !excludedIds.has((key as readonly Key[])[3]))) > 0;
  }

  #toKey(url: string): Key {
    return ['http', this.#partition, url];
  }

  #toBodyKey(url: string, id: string): Key {
    return ['http-body', this.#partition, url, id];
  }
}

/** Fields that describe the stored body, which a 304 can't change. */
const STORED_BODY_FIELDS: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-range',
  'transfer-encoding',
]);

/** Returns a stored response with the header fields of the response that has confirmed it (RFC 9111 §3.2). */
export function freshen(stored: StoredResponse, confirmed: ResponseHead): StoredResponse {
  const { requestedAt, receivedAt } = confirmed;
  const headers = new Headers(stored.headers);
  const fields = getStoredFields(confirmed.headers).filter(([name]) => !STORED_BODY_FIELDS.has(name));
  for (const name of ['age', 'date', ...fields.map(([it]) => it)]) headers.delete(name);
  for (const [name, value] of fields) headers.append(name, value);
  return { ...stored, headers, requestedAt, receivedAt };
}
