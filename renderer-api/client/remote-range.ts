import type { Range } from '../../protocol/options.ts';
import type { Cursor, Page, PageOf } from '../../protocol/page.ts';
import type { Client } from './client.ts';
import { sendable } from './sendable.ts';

/**
 * The keys, values or entries of a range. `for await` reads it page by page, so that a million items never sit in one
 * message; `await` gathers it into an array. Items set or deleted between two pages may or may not be seen; none is seen
 * twice.
 */
export class RemoteRange<T> implements AsyncIterable<T>, PromiseLike<T[]> {
  readonly #client: Client;
  readonly #store: string;
  readonly #of: PageOf | 'items';
  readonly #range: Range;

  constructor(client: Client, store: string, of: PageOf | 'items', range: Range = {}) {
    this.#client = client;
    this.#store = store;
    this.#of = of;
    this.#range = range;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    const [range] = sendable([this.#range], ['range']);
    let after: Cursor;
    do {
      const page = (await this.#client.call(this.#store, 'page', [this.#of, range, after], 'read')) as Page<T>;
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }

  // biome-ignore lint/suspicious/noThenProperty: a range is awaited for the whole of it, as an array
  then<A = T[], B = never>(
    onFulfilled?: ((items: T[]) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#gather().then(onFulfilled, onRejected);
  }

  async #gather(): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) items.push(item);
    return items;
  }
}
