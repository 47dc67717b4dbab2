import v8 from 'node:v8';
import { DiskCacheError } from '../../../protocol/error.ts';

/*
 * Structured clone as bytes: V8's own format, which later V8s read too
 * (https://html.spec.whatwg.org/multipage/structured-data.html, v8/src/objects/value-serializer.cc). Views of bytes are
 * written by us: V8 would write the whole buffer under a view, and Node's default reader hands out views of its input.
 */

/** What a view was. On disk: never reorder; append. */
const VIEWS = [
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

/** A length is written in 32 bits. */
const MAX_VIEW_BYTES = 2 ** 32 - 1;

type ViewConstructor = new (buffer: ArrayBuffer) => ArrayBufferView;

/** @types/node leaves these documented members out. */
interface HostObjects {
  _setTreatArrayBufferViewsAsHostObjects(flag: boolean): void;
}

/*
 * Defined on first use: a runtime without V8's serializer, such as Bun, can still open stores with `codec: 'json'`.
 */

let serializerClass: ReturnType<typeof defineSerializer> | undefined;
let deserializerClass: ReturnType<typeof defineDeserializer> | undefined;

const defineSerializer = () =>
  class ExactSerializer extends v8.Serializer {
    /** Called by V8 for every view. @throws as V8 does, for host objects that can't be cloned. */
    _writeHostObject(view: ArrayBufferView): void {
      const name = Object.prototype.toString.call(view).slice(8, -1);
      const kind = VIEWS.indexOf(name as (typeof VIEWS)[number]);
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
    /** Called by V8 for every view; gives it memory of its own. */
    _readHostObject(): ArrayBufferView {
      const name = VIEWS[this.readUint32()];
      if (name === undefined) throw newerRuntimeNeeded('holds a view of an unknown kind');
      const View = (globalThis as unknown as Record<string, ViewConstructor | undefined>)[name];
      if (View === undefined) throw newerRuntimeNeeded(`holds a ${name}`);
      return new View(new Uint8Array(this.readRawBytes(this.readUint32())).buffer);
    }
  };

/** The bytes of a value, of exactly their size. Views come back one by one, each on a buffer of its own. */
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
 * The value of these bytes, which are as they were written; nothing in it shares their memory. Runs no code from them.
 *
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION` for what this V8 can't read.
 */
export function deserialize(bytes: Uint8Array): unknown {
  refuseNewerFormat(bytes);
  deserializerClass ??= defineDeserializer();
  const deserializer = new deserializerClass(bytes);
  try {
    deserializer.readHeader();
    return deserializer.readValue();
  } catch (cause) {
    if (cause instanceof DiskCacheError || cause instanceof RangeError) throw cause;
    throw newerRuntimeNeeded(`cannot be read (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
}

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` for the format of a V8 newer than this process's. */
function refuseNewerFormat(bytes: Uint8Array): void {
  const version = bytes[0] === FORMAT_TAG ? bytes[1] : undefined;
  if (version !== undefined && version > ownFormat()) throw newerRuntimeNeeded(`is in format ${version} of V8`);
}

const newerRuntimeNeeded = (why: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `The stored value ${why}, which this runtime does not know; open it with the version of Node or Electron that wrote it`,
    { cause },
  );

/** The first byte of V8's header; the version follows. */
const FORMAT_TAG = 0xff;
let format: number | undefined;

/** The version that this V8 writes. */
function ownFormat(): number {
  format ??= serialize(null)[1]!;
  return format;
}
