/** What can be called or constructed. */
type Callable = ((...args: never) => unknown) | (abstract new (...args: never) => unknown);

/** Types that have methods and can be stored anyway. Maps and sets are looked into. */
type StorableBuiltIn =
  | Date
  | RegExp
  | Error
  | ArrayBuffer
  | ArrayBufferView
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined;

/** Whether a property is a function or a symbol itself. Symbol keys are ignored: types are branded with them. */
type HasUnstorableMember<V> = true extends {
  [P in Exclude<keyof V, symbol>]-?: 0 extends 1 & V[P]
    ? false
    : [V[P]] extends [never]
      ? false
      : Extract<V[P], Callable | symbol> extends never
        ? false
        : true;
}[Exclude<keyof V, symbol>]
  ? true
  : false;

/** Whether a type contains what can't be stored, down to as many levels as `Levels` has elements. */
type ContainsUnstorable<V, Levels extends readonly unknown[]> = 0 extends 1 & V
  ? false
  : V extends Callable | symbol
    ? true
    : V extends StorableBuiltIn
      ? false
      : Levels extends readonly [unknown, ...infer Fewer]
        ? V extends readonly (infer Element)[]
          ? ContainsUnstorable<Element, Fewer>
          : V extends ReadonlyMap<infer Key, infer Member>
            ? ContainsUnstorable<Key | Member, Fewer>
            : V extends ReadonlySet<infer Member>
              ? ContainsUnstorable<Member, Fewer>
              : V extends object
                ? HasUnstorableMember<V> extends true
                  ? true
                  : {
                      [P in Exclude<keyof V, symbol>]-?: ContainsUnstorable<V[P], Fewer>;
                    }[Exclude<keyof V, symbol>]
                : false
        : false;

/**
 * True if `Found` is certainly true, in a form that does not resolve to true while it depends on a type parameter. When a compiler relates
 * an argument to a conditional type that it can't resolve yet, it tries the check with a wildcard for the parameter: `[wildcard] extends
 * [false]` holds, so the refusing branch is left out, and generic code compiles. The values it stores are checked at the call.
 */
export type IsCertain<Found> = [Found] extends [never] ? false : [Found] extends [false] ? false : true;

/**
 * `unknown` for value types that can be stored, as far as the compiler can tell. For functions, symbols and objects with methods, which
 * every `set` would refuse with `BAD_VALUE`, a type that no argument has. A type parameter of generic code is accepted.
 */
export type PlainValues<V> = [IsCertain<ContainsUnstorable<V, [1, 2, 3, 4, 5, 6]>>] extends [true]
  ? 'values are plain data: neither functions, symbols, promises nor instances of a class with methods'
  : unknown;

/** Whether values of any type can be stored in a store of `V`, so that its type says nothing about a value that is given to it. */
type IsOpen<V> = unknown extends V
  ? true
  : object extends V
    ? true
    : string extends keyof V
      ? unknown extends V[keyof V & string]
        ? true
        : false
      : false;

/** `Checked` for a store of any values; `unknown` for others, and while `V` is a type parameter. */
export type IfOpen<V, Checked> = [IsCertain<IsOpen<V>>] extends [true] ? Checked : unknown;

/** The type of a value that is given to a store of `V`. `W`, inferred from the value itself, is checked where `V` allows anything. */
export type StoredValue<V, W> = V & PlainValues<V> & IfOpen<V, W & PlainValues<W>>;

/** As `StoredValue`, for a list of values. */
export type StoredValues<V, W extends readonly unknown[]> = { [P in keyof W]: StoredValue<V, W[P]> };

/** As `StoredValue`, for each of several items that contain a value: `Item` is their type, `W` that of the given ones. */
export type StoredItems<V, Item, W> = Iterable<Item & PlainValues<V> & IfOpen<V, W & PlainValues<W>>>;

/** Whether `omitUnstorable` leaves a member out. A `Map` has all members of a `WeakMap`, so it is told apart first. */
type IsOmitted<V> = V extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
  ? false
  : V extends Callable | symbol | PromiseLike<unknown> | WeakMap<never, unknown> | WeakSet<never>
    ? true
    : false;

/** What `omitUnstorable` makes of a type: without members that are functions, symbols, promises or weak collections. */
export type Storable<V> = unknown extends V
  ? V
  : V extends StorableBuiltIn
    ? V
    : V extends ReadonlyMap<infer Key, infer Member>
      ? Map<Storable<Key>, Storable<Member>>
      : V extends ReadonlySet<infer Member>
        ? Set<Storable<Member>>
        : IsOmitted<V> extends true
          ? undefined
          : V extends readonly unknown[]
            ? { [P in keyof V]: Storable<V[P]> }
            : V extends { toJSON(...args: never): infer Json }
              ? Storable<Json>
              : V extends object
                ? {
                    [P in keyof V as P extends symbol ? never : IsOmitted<V[P]> extends true ? never : P]: Storable<
                      V[P]
                    >;
                  }
                : V;
