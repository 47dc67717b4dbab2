import { types } from 'node:util';
import { natureOf } from '../../../protocol/fault.ts';
import { ValueWalk } from '../../../protocol/value-walk.ts';

/** Finds the first part that structured clone refuses, proxies included. JSON, which asks less of its objects, stores what a proxy shows. */
export class CloneWalk extends ValueWalk {
  protected override object(value: object, depth: number): boolean {
    if (types.isProxy(value)) return this.refuse("a proxy, which structured clone can't copy");
    return super.object(value, depth);
  }
}

/** Finds the first part that JSON would not give back equal, for a store whose codec is `'json'`. */
export class JsonWalk extends ValueWalk {
  /** The objects around the part being looked at. */
  readonly #open: object[] = [];

  protected override cloneOnly(part: unknown, what = natureOf(part)): boolean {
    return this.refuse(`${what}, which JSON cannot hold`);
  }

  /** JSON writes a repeated object out again, which is equal; a cycle it can't write at all. */
  protected override again(value: object): boolean {
    const isInItself = this.#open.indexOf(value) < this.#open.length - 1;
    return !isInItself || this.refuse('an object that contains itself, which JSON cannot hold');
  }

  protected override object(value: object, depth: number): boolean {
    this.#open.push(value);
    const isSound = super.object(value, depth);
    this.#open.pop();
    return isSound;
  }
}

/**
 * How many parts JSON writes for plain data, in which an object that is referred to twice is written twice: 30 arrays that each name the
 * next one twice are a thousand million parts. O(parts, each counted once).
 */
export function countWrittenParts(value: unknown): number {
  const counts = new Map<object, number>();
  const count = (part: unknown): number => {
    if (typeof part !== 'object' || part === null) return 1;
    const known = counts.get(part);
    if (known !== undefined) return known;
    let parts = 1;
    for (const inner of Object.values(part)) parts += count(inner);
    counts.set(part, parts);
    return parts;
  };
  return count(value);
}
