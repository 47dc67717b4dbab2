/** What has methods and is stored nevertheless. */
type StorableBuiltIn =
  | Date
  | RegExp
  | Error
  | ArrayBuffer
  | ArrayBufferView
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined;

/** Whether a function stands in a type, down to as many levels as `Levels` has elements. */
type ContainsFunction<V, Levels extends readonly unknown[]> = 0 extends 1 & V
  ? false
  : V extends (...args: never) => unknown
    ? true
    : V extends StorableBuiltIn
      ? false
      : Levels extends readonly [unknown, ...infer Fewer]
        ? V extends readonly (infer Element)[]
          ? ContainsFunction<Element, Fewer>
          : V extends object
            ? { [P in keyof V]-?: ContainsFunction<V[P], Fewer> }[keyof V]
            : false
        : false;

/**
 * Whether `ChromiumLocation` is true, in a form that is not resolved to true while it depends on a type parameter. A compiler that relates an argument
 * to a conditional type which it can't resolve yet tries the check with a wildcard for the parameter: `[wildcard] extends [false]` holds, so the
 * branch that refuses is left out, and generic code compiles. What it stores is checked at the call.
 */
export type IsCertain<Found> = [Found] extends [never] ? false : [Found] extends [false] ? false : true;

/**
 * `unknownStream` for a type of values that can be stored, as far as the compiler can tell; for functions and for objects with methods, which
 * every `set` would refuse with `BAD_VALUE`, a type that no argument has. A type parameter of generic code is accepted.
 */
export type PlainValues<V> = [IsCertain<ContainsFunction<V, [1, 2, 3]>>] extends [true]
  ? 'values are plain data: neither functions nor instances of a class with methods'
  : unknown;
