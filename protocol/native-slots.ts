import { getNativeName, getTag, NATIVE_NAMES } from './native-types.ts';

/** Looks into an internal slot: false, or throws, for an impostor. */
type SlotTest = (value: object) => boolean;

/** True when the slot answers at all: methods of built-ins throw on receivers without it. */
const hasSlot =
  (method: (this: never, ...rest: never[]) => unknown): SlotTest =>
  (value) => {
    Reflect.apply(method, value, []);
    return true;
  };

const getGetter = (prototype: object, name: PropertyKey): (() => unknown) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown;

/** Of errors and typed arrays, see `getSlotTest`. Marked as pure, as what follows, so that a bundler leaves out what isn't used. */
const SLOT_TESTS: ReadonlyMap<string, SlotTest> = /* @__PURE__ */ (() =>
  new Map<string, SlotTest>([
    ['Array', Array.isArray],
    ['Date', hasSlot(Date.prototype.getTime)],
    ['RegExp', (value) => getTag(value) === 'RegExp' && Object.hasOwn(value, 'lastIndex')],
    ['Map', hasSlot(getGetter(Map.prototype, 'size'))],
    ['Set', hasSlot(getGetter(Set.prototype, 'size'))],
    ['ArrayBuffer', hasSlot(getGetter(ArrayBuffer.prototype, 'byteLength'))],
    ['DataView', (value) => ArrayBuffer.isView(value) && getTag(value) === 'DataView'],
    ['Boolean', hasSlot(Boolean.prototype.valueOf)],
    ['Number', hasSlot(Number.prototype.valueOf)],
    ['String', hasSlot(String.prototype.valueOf)],
    ['BigInt', hasSlot(BigInt.prototype.valueOf)],
  ]))();

const getTypedArrayName = /* @__PURE__ */ (() =>
  getGetter(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag))();

function getSlotTest(name: string): SlotTest {
  if (name.endsWith('Error')) return (value) => getTag(value) === 'Error';
  const kind = name === 'Buffer' ? 'Uint8Array' : name;
  return SLOT_TESTS.get(name) ?? ((value) => Reflect.apply(getTypedArrayName, value, []) === kind);
}

interface NativeType {
  readonly name: string;
  readonly hasSlots: SlotTest;
}

const ALL_NATIVES: ReadonlyMap<string, NativeType> = /* @__PURE__ */ (() =>
  new Map(NATIVE_NAMES.flat().map((name): [string, NativeType] => [name, { name, hasSlots: getSlotTest(name) }])))();

/** By the prototypes of this realm, which most values have: identity spares counting. */
const OWN_REALM_NATIVES: ReadonlyMap<unknown, NativeType> = /* @__PURE__ */ (() =>
  new Map(
    [...ALL_NATIVES.values()].flatMap((native) => {
      const own = (globalThis as unknown as Record<string, { readonly prototype: object } | undefined>)[native.name];
      return own === undefined ? [] : [[own.prototype, native] as const];
    }),
  ))();

/** As `getNativeName`, and undefined for an impostor: an object with the prototype alone, or a proxy of the real one. */
export function getNativeKind(value: object): string | undefined {
  const native = OWN_REALM_NATIVES.get(Object.getPrototypeOf(value)) ?? ALL_NATIVES.get(getNativeName(value) ?? '');
  try {
    return native?.hasSlots(value) === true ? native.name : undefined;
  } catch {
    return undefined;
  }
}

/** Whether bytes are of this process alone, and still there: neither shared, nor transferred, nor cut off from a view. */
export function isAttached(bytes: ArrayBufferLike | ArrayBufferView): boolean {
  try {
    if (!ArrayBuffer.isView(bytes)) return new Uint8Array(bytes).length >= 0;
    // Both throw for a view that its buffer no longer reaches.
    if (bytes instanceof DataView) return getTag(bytes.buffer) === 'ArrayBuffer' && bytes.byteLength >= 0;
    return getTag(bytes.buffer) === 'ArrayBuffer' && Reflect.apply(Uint8Array.prototype.keys, bytes, []) !== undefined;
  } catch {
    return false;
  }
}
