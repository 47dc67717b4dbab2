/** What a store has as a property, where a page has a promise of it. */
export const PROPERTIES = ['size', 'length', 'maxLength', 'paused'] as const;

/**
 * Gives a class the methods of a contract. Done with its first instance, not when this is loaded: a page that wants only the error class
 * has none of it in its bundle.
 */
export function defineMethods<T extends object>(
  { prototype }: { readonly prototype: T },
  names: readonly string[],
  call: (instance: T, method: string, args: readonly unknown[]) => Promise<unknown>,
): void {
  if (Object.hasOwn(prototype, names[0]!)) return;
  for (const name of names) {
    function method(this: T, ...args: readonly unknown[]): Promise<unknown> {
      return call(this, name, args);
    }
    const isProperty = PROPERTIES.includes(name as (typeof PROPERTIES)[number]);
    Object.defineProperty(
      prototype,
      name,
      isProperty ? { get: method } : { value: method, writable: true, configurable: true },
    );
  }
}
