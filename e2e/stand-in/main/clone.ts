import { Deserializer, Serializer } from 'node:v8';

/** Electron's serializer takes no object with a native part, wherever in the value it stands. */
class CloneWriter extends Serializer {
  _writeHostObject(): never {
    throw new Error('a native object');
  }
}

/**
 * A copy by V8's own serializer, as Electron's main process makes before it posts (shell/common/v8_util.cc): instances of
 * classes arrive as plain objects, a view on a pooled Buffer brings the whole pool, an error keeps name, message, stack and cause.
 * @throws Error "An object could not be cloned." for functions, symbols, promises, proxies, weak collections and ports.
 */
export function clone(value: unknown): unknown {
  const writer = new CloneWriter();
  try {
    writer.writeHeader();
    writer.writeValue(value);
  } catch {
    throw new Error('An object could not be cloned.');
  }
  const reader = new Deserializer(writer.releaseBuffer());
  reader.readHeader();
  return reader.readValue();
}
