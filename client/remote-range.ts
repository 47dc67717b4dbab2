import type { Cursor, ResultPage } from '../protocol/results.ts';

/** Reads the result page after the cursor of the previous one. */
export type ReadPage<T> = (after: Cursor) => Promise<ResultPage<T>>;

/**
 * The keys, values or entries of a range, or the jobs in a state. `for await` reads it in result pages, so that a million items are never in
 * one message; `await` collects it into an array. Items set or deleted between two pages may or may not be seen; none is seen twice.
 */
export class RemoteRange<T> implements AsyncIterable<T>, PromiseLike<T[]> {
  readonly #read: ReadPage<T>;

  constructor(read: ReadPage<T>) {
    this.#read = read;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    let after: Cursor;
    do {
      const page = await this.#read(after);
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }

  // biome-ignore lint/suspicious/noThenProperty: a range is awaited for the whole of it, as an array
  then<A = T[], B = never>(
    onFulfilled?: ((items: T[]) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return collect(this).then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T[] | B> {
    return collect(this).catch(onRejected);
  }

  finally(onSettled?: (() => void) | null): Promise<T[]> {
    return collect(this).finally(onSettled);
  }
}

/** Collects all items. Every platform has `Array.fromAsync`, but the `lib` of this folder doesn't declare it. */
const collect = <T>(items: AsyncIterable<T>): Promise<T[]> =>
  (Array as unknown as { fromAsync<A>(items: AsyncIterable<A>): Promise<A[]> }).fromAsync(items);
