/** What has methods and is stored nevertheless. */
type Native =
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
type HoldsFunction<V, Levels extends readonly unknown[]> = 0 extends 1 & V
  ? false
  : V extends (...args: never) => unknown
    ? true
    : V extends Native
      ? false
      : Levels extends readonly [unknown, ...infer Fewer]
        ? V extends readonly (infer Element)[]
          ? HoldsFunction<Element, Fewer>
          : V extends object
            ? { [P in keyof V]-?: HoldsFunction<V[P], Fewer> }[keyof V]
            : false
        : false;

/**
 * `unknown` for a type of values that can be stored, as far as the compiler can tell; for functions and for objects with methods, which
 * every `set` would refuse with `BAD_VALUE`, a type that no argument has. Where the type is a parameter of your own the compiler can't
 * tell: open the store without it and cast, `new Cache<string>(directory) as Cache<string, T>`.
 */
export type PlainValues<V> =
  true extends HoldsFunction<V, [1, 2, 3]>
    ? 'values are plain data: neither functions nor instances of a class with methods'
    : unknown;
