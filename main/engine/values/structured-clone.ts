import { types } from 'node:util';
import v8 from 'node:v8';
import { hasSymbols, isClonedErrorProperty, isDense, losesContent, MAX_VALUE_DEPTH } from '../../../protocol/clone.ts';
import { CloneCheck } from '../../../protocol/clone-check.ts';
import { describeType } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { getNativeKind, isAttached } from '../../../protocol/native-slots.ts';
import { isPlainObject } from '../../../protocol/native-types.ts';
import { toOwnRealm } from '../realm.ts';

/** Finds the first part that structured clone refuses, proxies included. (JSON stores what a proxy returns.) */
export class CloneWalk extends CloneCheck {
  protected override visitObject(value: object, depth: number): boolean {
    if (types.isProxy(value)) return this.reject("a proxy, which structured clone can't copy");
    return super.visitObject(value, depth);
  }
}

/** Finds the first part that would not come back equal from JSON, for a store whose codec is `'json'`. */
export class JsonWalk extends CloneCheck {
  /** The objects that enclose the current part. */
  readonly #open: object[] = [];

  protected override allowCloneOnly(part: unknown, what = describeType(part)): boolean {
    return this.reject(`${what}, which JSON cannot hold`);
  }

  /** JSON writes a repeated object again, which comes back equal; it can't write a cycle. */
  protected override allowRepeated(value: object): boolean {
    const isInItself = this.#open.indexOf(value) < this.#open.length - 1;
    return !isInItself || this.reject('an object that contains itself, which JSON cannot hold');
  }

  protected override visitObject(value: object, depth: number): boolean {
    this.#open.push(value);
    const isSound = super.visitObject(value, depth);
    this.#open.pop();
    return isSound;
  }
}

/**
 * Returns how many parts JSON would write. It writes an object once per reference: 30 arrays that each hold the next one twice
 * become a thousand million parts. O(parts), each visited once.
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

/** A copy of a value at one moment: getters and proxies can't change it while it is encoded. */
export interface ValueSnapshot {
  /** Shares Dates, RegExps and bytes with the original: encode it before other code runs. */
  readonly copy: unknown;
  /** Whether the copy would come back equal from JSON. */
  readonly json: boolean;
  /** Whether a part of the original is a proxy. Checked only if `json` is false. */
  readonly hasProxy: boolean;
}

/**
 * Copies a value as `copyValue` does in a page, but faster, for a caller that encodes it at once. Returns undefined exactly if
 * `findValueFault` finds a fault. Reads each property once. O(size of the value); single bytes are not visited.
 */
export function takeSnapshot(value: unknown): ValueSnapshot | undefined {
  const reader = new SnapshotReader();
  try {
    const copy = reader.copyPart(value, 0);
    const json = reader.json && !inheritsToJson();
    return { copy, json, hasProxy: !json && reader.hasProxy };
  } catch {
    // A part was refused, or a getter or proxy threw.
    return undefined;
  }
}

/** Copies parts. Throws any value for a part that can't be stored; `takeSnapshot` only needs to know that it happened. */
class SnapshotReader {
  json = true;
  /** The visited objects, and their copies at the same indices. */
  readonly #originals: object[] = [];
  readonly #copies: object[] = [];
  /** Index by original. Made only for many objects: searching a short array is faster than filling a map. */
  #placeByOriginal: Map<object, number> | undefined;

  get hasProxy(): boolean {
    return this.#originals.some(types.isProxy);
  }

  copyPart(part: unknown, depth: number): unknown {
    switch (typeof part) {
      case 'string':
      case 'boolean':
        return part;
      case 'number':
        if (!Number.isFinite(part) || Object.is(part, -0)) this.json = false;
        return part;
      case 'object':
        return part === null ? null : this.#object(part, depth);
      case 'function':
      case 'symbol':
        throw part;
      default:
        this.json = false;
        return part;
    }
  }

  #object(value: object, depth: number): object {
    const place =
      this.#placeByOriginal === undefined ? this.#originals.indexOf(value) : (this.#placeByOriginal.get(value) ?? -1);
    if (place >= 0) {
      this.json = false;
      return this.#copies[place]!;
    }
    if (depth === MAX_VALUE_DEPTH || hasSymbols(value)) throw value;
    if (isPlainObject(value)) return this.#record(value, depth + 1);
    const kind = getNativeKind(value);
    if (kind === 'Array') return this.#array(value as unknown[], depth + 1);
    this.json = false;
    if (kind === undefined) throw value;
    if (kind.endsWith('Error')) return this.#error(value as Error, kind, depth + 1);
    if (losesContent(value, kind)) throw value;
    if (kind === 'Map') return this.#map(value as Map<unknown, unknown>, depth + 1);
    if (kind === 'Set') return this.#set(value as Set<unknown>, depth + 1);
    if ((ArrayBuffer.isView(value) || value instanceof ArrayBuffer) && !isAttached(value)) throw value;
    return this.#register(value, value);
  }

  #record(value: object, depth: number): object {
    const copy: Record<string, unknown> = { ...value };
    this.#register(value, copy);
    for (const name of Object.keys(copy)) {
      const part = copy[name];
      const kept = this.copyPart(part, depth);
      if (kept !== part) copy[name] = kept;
    }
    return copy;
  }

  #array(value: readonly unknown[], depth: number): object {
    const copy: unknown[] = [];
    this.#register(value, copy);
    const names = Object.keys(value);
    if (isDense(names, value.length)) {
      for (let index = 0; index < names.length; index++) copy.push(this.copyPart(value[index], depth));
      return copy;
    }
    this.json = false;
    copy.length = value.length;
    for (const name of names) defineProperty(copy, name, this.copyPart(value[name as never], depth));
    return copy;
  }

  #map(value: Map<unknown, unknown>, depth: number): object {
    const copy = new Map();
    this.#register(value, copy);
    Map.prototype.forEach.call(value, (member, key) =>
      copy.set(this.copyPart(key, depth), this.copyPart(member, depth)),
    );
    return copy;
  }

  #set(value: Set<unknown>, depth: number): object {
    const copy = new Set();
    this.#register(value, copy);
    Set.prototype.forEach.call(value, (member) => copy.add(this.copyPart(member, depth)));
    return copy;
  }

  #error(value: Error, kind: string, depth: number): object {
    const copy = new (globalThis as unknown as Record<string, ErrorConstructor>)[kind]!();
    this.#register(value, copy);
    // If the original has no stack, structured clone must not store the stack of this line.
    Reflect.set(copy, 'stack', undefined);
    for (const name of Object.getOwnPropertyNames(value)) {
      const part = this.copyPart(value[name as 'cause'], depth);
      if (!isClonedErrorProperty(name, part)) throw value;
      copy[name as 'cause'] = part;
    }
    return copy;
  }

  #register<T extends object>(value: object, copy: T): T {
    const place = this.#originals.push(value) - 1;
    this.#copies.push(copy);
    if (this.#placeByOriginal !== undefined) this.#placeByOriginal.set(value, place);
    else if (place === MAX_LINEAR_OBJECTS)
      this.#placeByOriginal = new Map(this.#originals.map((original, at) => [original, at]));
    return copy;
  }
}

const MAX_LINEAR_OBJECTS = 32;

const defineProperty = (object: object, name: string, value: unknown) =>
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });

/** Whether a built-in prototype has a `toJSON`, which would change what JSON writes; structured clone ignores it. */
export const inheritsToJson = (): boolean => ([] as { toJSON?: unknown }).toJSON !== undefined;

/*
 * Structured clone as bytes: V8's format, which later versions of V8 can read
 * (https://html.spec.whatwg.org/multipage/structured-data.html, v8/src/objects/value-serializer.cc). Typed arrays and DataViews are
 * written here: V8 would write the whole buffer under a view, and Node's default reader returns views of its input.
 */

/** The type of a view. On disk: never reorder; append. */
const VIEW_KINDS = [
  'Uint8Array',
  'Int8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'DataView',
  'Float16Array',
] as const;

/** Lengths are stored in 32 bits. */
const MAX_VIEW_BYTES = 2 ** 32 - 1;

type ViewConstructor = new (buffer: ArrayBuffer) => ArrayBufferView;

/** Documented members that @types/node lacks. */
interface HostObjects {
  _setTreatArrayBufferViewsAsHostObjects(flag: boolean): void;
}

// Defined on first use: a runtime without V8's serializer, such as Bun, can still open stores with `codec: 'json'`.

let serializerClass: ReturnType<typeof defineSerializer> | undefined;
let deserializerClass: ReturnType<typeof defineDeserializer> | undefined;

const defineSerializer = () =>
  class ExactSerializer extends v8.Serializer {
    /** Called by V8 for every view. @throws {Error} for host objects that can't be cloned; {DiskCacheError} `TOO_LARGE` */
    _writeHostObject(view: ArrayBufferView): void {
      const name = Object.prototype.toString.call(view).slice(8, -1);
      const kind = VIEW_KINDS.indexOf(name as (typeof VIEW_KINDS)[number]);
      if (!ArrayBuffer.isView(view) || kind === -1) throw new Error(`${name} could not be cloned`);
      if (view.byteLength > MAX_VIEW_BYTES) {
        const hint = 'store it as a value of its own';
        throw new DiskCacheError('TOO_LARGE', `A ${name} inside a value takes ${view.byteLength} bytes; ${hint}`);
      }
      this.writeUint32(kind);
      this.writeUint32(view.byteLength);
      this.writeRawBytes(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    }
  };

const defineDeserializer = () =>
  class ExactDeserializer extends v8.Deserializer {
    /** Called by V8 for every view. Returns a view with memory of its own. */
    _readHostObject(): ArrayBufferView {
      const name = VIEW_KINDS[this.readUint32()];
      if (name === undefined) throw newerRuntimeError('holds a view of an unknown kind');
      const View = (globalThis as unknown as Record<string, ViewConstructor | undefined>)[name];
      if (View === undefined) throw newerRuntimeError(`holds a ${name}`);
      return new View(new Uint8Array(this.readRawBytes(this.readUint32())).buffer);
    }
  };

/** Serializes a value. Views of the same buffer come back as separate views, each with its own buffer. */
export function serialize(value: unknown): Uint8Array {
  serializerClass ??= defineSerializer();
  const serializer = new serializerClass();
  (serializer as unknown as HostObjects)._setTreatArrayBufferViewsAsHostObjects(true);
  serializer.writeHeader();
  serializer.writeValue(value);
  const bytes = serializer.releaseBuffer();
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Deserializes undamaged bytes. The value shares no memory with them, and no code from them is run.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION` if this V8 can't read them.
 * @throws {RangeError} if the value is too large for this process.
 */
export function deserialize(bytes: Uint8Array): unknown {
  assertKnownFormat(bytes);
  deserializerClass ??= defineDeserializer();
  const deserializer = new deserializerClass(bytes);
  try {
    deserializer.readHeader();
    return toOwnRealm(deserializer.readValue());
  } catch (cause) {
    if (cause instanceof DiskCacheError || cause instanceof RangeError) throw cause;
    throw newerRuntimeError(`cannot be read (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
}

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` if a V8 newer than this process's wrote the bytes. */
function assertKnownFormat(bytes: Uint8Array): void {
  const version = bytes[0] === FORMAT_TAG ? bytes[1] : undefined;
  if (version !== undefined && version > getOwnFormat()) throw newerRuntimeError(`is in format ${version} of V8`);
}

const newerRuntimeError = (why: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `The stored value ${why}, which this runtime does not know; open it with the version of Node or Electron that wrote it`,
    { cause },
  );

/** The first byte of V8's header; the format version follows. */
const FORMAT_TAG = 0xff;
let cachedFormat: number | undefined;

/** Returns the format version that this V8 writes. */
function getOwnFormat(): number {
  cachedFormat ??= serialize(null)[1]!;
  return cachedFormat;
}
