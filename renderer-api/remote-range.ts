import type { Cursor, Page, PageOf } from '../protocol/contract.ts';
import { DiskCacheError } from '../protocol/error.ts';
import { keyFault } from '../protocol/key.ts';
import type { Range } from '../protocol/options.ts';
import { valueFault } from '../protocol/value.ts';
import type { Client } from './client.ts';

/**
 * The keys, values or entries of a range. `for await` reads it page by page, so that a million items never sit in one
 * message; `await` gathers it into an array. Items set or deleted between two pages may or may not be seen; none is seen
 * twice.
 */
export class RemoteRange<T> implements AsyncIterable<T>, PromiseLike<T[]> {
  readonly #client: Client;
  readonly #store: string;
  readonly #of: PageOf;
  readonly #range: Range;

  constructor(client: Client, store: string, of: PageOf, range: Range = {}) {
    this.#client = client;
    this.#store = store;
    this.#of = of;
    this.#range = range;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    refuseUnsendable(this.#range);
    let after: Cursor;
    do {
      const page = (await this.#client.call(this.#store, 'page', [this.#of, this.#range, after])) as Page<T>;
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

/** What could not cross to the main process is named here; whether the range makes sense is for the engine to say. */
function refuseUnsendable(range: Range): void {
  for (const part of ['from', 'to', 'prefix'] as const) {
    const fault = range[part] === undefined ? undefined : keyFault(range[part]);
    if (fault !== undefined) throw new DiskCacheError('BAD_KEY', `range.${part}: ${fault}`);
  }
  const fault = valueFault(range, 'range');
  if (fault !== undefined) throw new DiskCacheError('BAD_OPTION', fault);
}
