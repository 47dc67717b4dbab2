import { NATIVES, nativeName, tagOf } from './natives.ts';

/** Looks into an internal slot: false, or throws, for an impostor. */
type Proof = (value: object) => boolean;

/** True when the slot answers at all: methods of built-ins throw on receivers without it. */
const answers =
  (method: (this: never, ...rest: never[]) => unknown): Proof =>
  (value) => {
    Reflect.apply(method, value, []);
    return true;
  };

const getterOf = (prototype: object, name: PropertyKey): (() => unknown) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown;

/** Of errors and typed arrays, see `toProof`. Marked as pure, as what follows, so that a bundler leaves out what isn't used. */
const PROOFS: ReadonlyMap<string, Proof> = /* @__PURE__ */ (() =>
  new Map<string, Proof>([
    ['Array', Array.isArray],
    ['Date', answers(Date.prototype.getTime)],
    ['RegExp', (value) => tagOf(value) === 'RegExp' && Object.hasOwn(value, 'lastIndex')],
    ['Map', answers(getterOf(Map.prototype, 'size'))],
    ['Set', answers(getterOf(Set.prototype, 'size'))],
    ['ArrayBuffer', answers(getterOf(ArrayBuffer.prototype, 'byteLength'))],
    ['DataView', (value) => ArrayBuffer.isView(value) && tagOf(value) === 'DataView'],
    ['Boolean', answers(Boolean.prototype.valueOf)],
    ['Number', answers(Number.prototype.valueOf)],
    ['String', answers(String.prototype.valueOf)],
    ['BigInt', answers(BigInt.prototype.valueOf)],
  ]))();

const typedArrayName = /* @__PURE__ */ (() =>
  getterOf(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag))();

function toProof(name: string): Proof {
  if (name.endsWith('Error')) return (value) => tagOf(value) === 'Error';
  const kind = name === 'Buffer' ? 'Uint8Array' : name;
  return PROOFS.get(name) ?? ((value) => Reflect.apply(typedArrayName, value, []) === kind);
}

interface Native {
  readonly name: string;
  readonly proves: Proof;
}

const ALL: ReadonlyMap<string, Native> = /* @__PURE__ */ (() =>
  new Map(NATIVES.flat().map((name): [string, Native] => [name, { name, proves: toProof(name) }])))();

/** By the prototypes of this realm, which most values have: identity spares counting. */
const OWN_REALM: ReadonlyMap<unknown, Native> = /* @__PURE__ */ (() =>
  new Map(
    [...ALL.values()].flatMap((native) => {
      const own = (globalThis as unknown as Record<string, { readonly prototype: object } | undefined>)[native.name];
      return own === undefined ? [] : [[own.prototype, native] as const];
    }),
  ))();

/** As `nativeName`, and undefined for an impostor: an object with the prototype alone, or a proxy of the real one. */
export function nativeKind(value: object): string | undefined {
  const native = OWN_REALM.get(Object.getPrototypeOf(value)) ?? ALL.get(nativeName(value) ?? '');
  try {
    return native?.proves(value) === true ? native.name : undefined;
  } catch {
    return undefined;
  }
}

/** Whether bytes are of this process alone, and still there: neither shared, nor transferred, nor cut off from a view. */
export function isAttached(bytes: ArrayBufferLike | ArrayBufferView): boolean {
  try {
    if (!ArrayBuffer.isView(bytes)) return new Uint8Array(bytes).length >= 0;
    // Both throw for a view that its buffer no longer reaches.
    if (bytes instanceof DataView) return tagOf(bytes.buffer) === 'ArrayBuffer' && bytes.byteLength >= 0;
    return tagOf(bytes.buffer) === 'ArrayBuffer' && Reflect.apply(Uint8Array.prototype.keys, bytes, []) !== undefined;
  } catch {
    return false;
  }
}
