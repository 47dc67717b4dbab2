import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';

/** Whether a function waits by awaiting. Known before it is called of `async` functions alone. */
export const isAsync = (fn: unknown): boolean => Object.prototype.toString.call(fn) === '[object AsyncFunction]';

/** The key of a decorated function's row: the name it is given, or one made of its own. */
export function keyOf(recipe: string, fn: unknown, name: Key | undefined): Key {
  if (typeof fn !== 'function') throw new DiskCacheError('BAD_OPTION', `${recipe} takes a function`);
  if (name !== undefined) return name;
  if (fn.name !== '') return [recipe, fn.name];
  throw new DiskCacheError('BAD_OPTION', `${recipe} was given a function without a name; give { name }`);
}

/** A decorated function goes by the name of the one inside, so that decorations can be stacked. */
export function named<F extends (...args: never) => unknown>(decorated: F, fn: { readonly name: string }): F {
  return Object.defineProperty(decorated, 'name', { value: fn.name, configurable: true });
}
