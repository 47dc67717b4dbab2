import { Deserializer, Serializer } from 'node:v8';

/** Electron's serializer refuses objects with a native part, at any depth of the value. */
class CloneWriter extends Serializer {
  _writeHostObject(): never {
    throw new Error('a native object');
  }
}

/**
 * A value as Electron's main process writes it before it posts (shell/common/v8_util.cc): instances of classes become plain
 * objects, a view on a pooled Buffer brings the whole pool, an error keeps name, message, stack and cause.
 * @throws Error "An object could not be cloned." for functions, symbols, promises, proxies, weak collections and ports.
 */
export function serialize(value: unknown): Buffer {
  const writer = new CloneWriter();
  try {
    writer.writeHeader();
    writer.writeValue(value);
  } catch {
    throw new Error('An object could not be cloned.');
  }
  return writer.releaseBuffer();
}

export function deserialize(bytes: Uint8Array): unknown {
  const reader = new Deserializer(bytes);
  reader.readHeader();
  return reader.readValue();
}

/** A copy of a value, with the losses and the refusals of `serialize`. */
export const clone = (value: unknown): unknown => deserialize(serialize(value));
