import { describe, expectTypeOf, it } from 'vitest';
import type { Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { Cache } from '../../main/engine/index.ts';
import type { PlainValues } from '../../protocol/plain-values.ts';
import { freshDirectory } from '../engine/directory.ts';

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
describe('the type of what is stored', () => {
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

  it('is cast where it is a parameter of the caller’s own', () => {
    const open = <T>(directory: string) => new Cache<string>(directory) as Cache<string, T>;
    using users = open<User>(freshDirectory());
    expectTypeOf(users.get('ada')).toEqualTypeOf<User | undefined>();
  });
});
