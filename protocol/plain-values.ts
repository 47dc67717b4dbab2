/** Types that have methods and can be stored anyway. */
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

/** Whether a type contains a function, down to as many levels as `Levels` has elements. */
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
 * True if `Found` is certainly true, in a form that does not resolve to true while it depends on a type parameter. When a compiler relates
 * an argument to a conditional type that it can't resolve yet, it tries the check with a wildcard for the parameter: `[wildcard] extends
 * [false]` holds, so the refusing branch is left out, and generic code compiles. The values it stores are checked at the call.
 */
export type IsCertain<Found> = [Found] extends [never] ? false : [Found] extends [false] ? false : true;

/**
 * `unknown` for value types that can be stored, as far as the compiler can tell. For functions and objects with methods, which every `set`
 * would refuse with `BAD_VALUE`, a type that no argument has. A type parameter of generic code is accepted.
 */
export type PlainValues<V> = [IsCertain<ContainsFunction<V, [1, 2, 3]>>] extends [true]
  ? 'values are plain data: neither functions nor instances of a class with methods'
  : unknown;
