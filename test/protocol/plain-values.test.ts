import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { Cache } from '../../main/engine/index.ts';
import type { PlainValues } from '../../protocol/plain-values.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

class Point {
  x = 1;
  move(): void {}
}
interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}
interface User {
  readonly name: string;
  readonly born?: Date;
  readonly tags: Map<string, Set<bigint>>;
  readonly face: Uint8Array | null;
}

/** The compiler checks these, and vitest runs what there is to run. */
describe('the type of stored values', () => {
  it('may be any plain data', () => {
    expectTypeOf<PlainValues<User>>().toBeUnknown();
    expectTypeOf<PlainValues<Tree>>().toBeUnknown();
    expectTypeOf<PlainValues<unknown>>().toBeUnknown();
    // biome-ignore lint/suspicious/noExplicitAny: as from plain JavaScript
    expectTypeOf<PlainValues<any>>().toBeUnknown();
    expectTypeOf<PlainValues<never>>().toBeUnknown();
    expectTypeOf<PlainValues<Buffer | string | [number, Error?]>>().toBeUnknown();
    expectTypeOf<PlainValues<Record<string, object>>>().toBeUnknown();
  });

  it('can’t hold a function or an instance of a class with methods', () => {
    expectTypeOf<PlainValues<() => void>>().toBeString();
    expectTypeOf<PlainValues<Point>>().toBeString();
    expectTypeOf<PlainValues<{ readonly list: readonly Point[] } | string>>().toBeString();
    expectTypeOf<PlainValues<{ readonly then?: () => void }>>().toBeString();
    expectTypeOf<string>().not.toExtend<ConstructorParameters<typeof Index<string, Point>>[0]>();
    expectTypeOf<string>().not.toExtend<ConstructorParameters<typeof Deque<Point>>[0]>();
    expectTypeOf<string>().not.toExtend<ConstructorParameters<typeof FanoutCache<string, Point>>[0]>();
    // @ts-expect-error: what each set would refuse
    using cache = new Cache<string, Point>(freshDirectory());
    expectTypeOf(cache.get).toBeFunction();
  });

  it('may be a type parameter of generic code', () => {
    class Repository<T extends { readonly id: string }> {
      readonly items = new Cache<string, T>(freshDirectory());
      add(item: T): T | undefined {
        return this.items.transact(() => {
          const before = this.items.get(item.id);
          this.items.set(item.id, item);
          return before;
        });
      }
    }
    const open = <T>() =>
      new Cache<string, { readonly list?: readonly T[]; readonly byName: Map<string, T> }>(freshDirectory());
    const within = <T>(cache: Cache<string>, work: () => T): T => cache.transact(work);
    using plain = new Cache<string>(freshDirectory());
    expectTypeOf(within(plain, () => 1)).toBeNumber();
    using lists = open<User>();
    expectTypeOf(lists.get('all')?.list).toEqualTypeOf<readonly User[] | undefined>();
    const users = new Repository<{ readonly id: string }>();
    using items = users.items;
    expect(users.add({ id: 'ada' })).toBeUndefined();
    expect(items.size).toBe(1);
    // The compiler can't tell here, the call does.
    expect(() => within(plain, async () => 1)).toThrow(/async function/);
  });

  it('is checked in the result of a transaction', () => {
    using plain = new Cache<string>(freshDirectory());
    // @ts-expect-error: its rest would run after the end
    expect(() => plain.transact(async () => 1)).toThrow(/async function/);
    // @ts-expect-error: what it does it does later, or never
    expect(() => plain.transact(function* () {})).toThrow(/generator/);
    // biome-ignore lint/suspicious/noExplicitAny: as from plain JavaScript
    expect(plain.transact((): any => 1)).toBe(1);
  });
});
