import { getNativeName, getTag, NATIVE_NAMES } from './native-types.ts';

/** Tests for an internal slot: returns false, or throws, for an impostor. */
type SlotTest = (value: object) => boolean;

/** True if the method returns at all: methods of built-ins throw on receivers without the slot. */
const hasSlot =
  (method: (this: never, ...rest: never[]) => unknown): SlotTest =>
  (value) => {
    Reflect.apply(method, value, []);
    return true;
  };

const getGetter = (prototype: object, name: PropertyKey): (() => unknown) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown;

/** For errors and typed arrays see `getSlotTest`. This and the following are marked as pure so that a bundler drops them if unused. */
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

/** Indexed by the prototypes of this realm, which most values have: an identity lookup avoids counting prototypes. */
const OWN_REALM_NATIVES: ReadonlyMap<unknown, NativeType> = /* @__PURE__ */ (() =>
  new Map(
    [...ALL_NATIVES.values()].flatMap((native) => {
      const own = (globalThis as unknown as Record<string, { readonly prototype: object } | undefined>)[native.name];
      return own === undefined ? [] : [[own.prototype, native] as const];
    }),
  ))();

/** As `getNativeName`, but undefined for an impostor: an object with only the prototype, or a proxy of a real instance. */
export function getNativeKind(value: object): string | undefined {
  const native = OWN_REALM_NATIVES.get(Object.getPrototypeOf(value)) ?? ALL_NATIVES.get(getNativeName(value) ?? '');
  try {
    return native?.hasSlots(value) === true ? native.name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns whether bytes belong to this process alone and still exist: not shared, not transferred, not out of bounds of a resized buffer.
 */
export function isAttached(bytes: ArrayBufferLike | ArrayBufferView): boolean {
  try {
    if (!ArrayBuffer.isView(bytes)) return new Uint8Array(bytes).length >= 0;
    // Both throw for a view that is out of bounds of its buffer.
    if (bytes instanceof DataView) return getTag(bytes.buffer) === 'ArrayBuffer' && bytes.byteLength >= 0;
    return getTag(bytes.buffer) === 'ArrayBuffer' && Reflect.apply(Uint8Array.prototype.keys, bytes, []) !== undefined;
  } catch {
    return false;
  }
}
