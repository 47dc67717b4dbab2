import { MAX_VALUE_DEPTH } from '../../../protocol/clone.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { getNativeKind } from '../../../protocol/native-slots.ts';
import { isRecord } from '../validate.ts';

/*
 * Values as JSON, for exports and for the command line; docs/export-format.md is the reference. What JSON has is itself. Everything else is
 * an object with one member whose name begins with `$`. An object that itself has only one such member is inside `{"$object": …}`, and an
 * object that occurs more than once is `{"$shared": [number, it]}` where it begins, and `{"$again": number}` from then on.
 */

/** A value that `JSON.stringify` writes. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Converts a value that a store can hold, exactly. O(size of the value). */
export const toJson = (value: unknown): JsonValue => new JsonWriter(value).write(value);

/**
 * The inverse of `toJson`, for what `JSON.parse` returns. The JSON may come from anywhere: only plain data is made of it, and a member named
 * `__proto__` becomes an own property. A tag that isn't known is an ordinary object. O(size of the JSON).
 *
 * @throws {DiskCacheError} `BAD_VALUE` for a tag with something else in it than it can have, and for JSON that is nested too deeply.
 */
export const fromJson = (json: unknown): unknown => new JsonReader().read(json, 0);

/** Each level of a value may have `$shared` around it. Arrays inside a tag don't count. */
const MAX_JSON_DEPTH = 2 * MAX_VALUE_DEPTH + 2;

const toBase64 = (buffer: ArrayBufferLike, offset: number, length: number): string =>
  Buffer.from(buffer, offset, length).toString('base64');

const isTagName = (name: string): boolean => name.startsWith('$');

/** Returns the only member of an object if its name begins with `$`. */
function getTag(value: object): readonly [name: string, member: unknown] | undefined {
  const names = Object.keys(value);
  return names.length === 1 && isTagName(names[0]!) ? [names[0]!, value[names[0] as never]] : undefined;
}

class JsonWriter {
  /** Objects that occur more than once, with their numbers once they are written. */
  readonly #shared = new Map<object, number | undefined>();
  #count = 0;

  constructor(value: unknown) {
    if (isRecord(value)) this.#findShared(value);
  }

  write(value: unknown): JsonValue {
    if (value === undefined) return { $undefined: true };
    if (typeof value === 'bigint') return { $bigint: `${value}` };
    if (typeof value === 'number') {
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $number: Object.is(value, -0) ? '-0' : `${value}` };
    }
    if (!isRecord(value)) return value as string | boolean | null;
    if (!this.#shared.has(value)) return this.#writeObject(value);
    const known = this.#shared.get(value);
    if (known !== undefined) return { $again: known };
    const id = this.#count++;
    this.#shared.set(value, id);
    return { $shared: [id, this.#writeObject(value)] };
  }

  #writeObject(value: object): JsonValue {
    if (Array.isArray(value)) return this.#writeArray(value);
    const kind = getNativeKind(value);
    if (kind === undefined) return this.#writeMembers(value);
    if (ArrayBuffer.isView(value)) {
      const base64 = toBase64(value.buffer, value.byteOffset, value.byteLength);
      return kind === 'Uint8Array' || kind === 'Buffer' ? { $bytes: base64 } : { $view: [kind, base64] };
    }
    if (kind.endsWith('Error')) return { $error: this.#writeError(value as Error, kind) };
    switch (kind) {
      case 'Date': {
        const time = (value as Date).getTime();
        return { $date: Number.isNaN(time) ? 'Invalid Date' : new Date(time).toISOString() };
      }
      case 'RegExp':
        return { $regexp: [(value as RegExp).source, (value as RegExp).flags] };
      case 'ArrayBuffer':
        return { $buffer: toBase64(value as ArrayBuffer, 0, (value as ArrayBuffer).byteLength) };
      case 'Map':
        return {
          $map: Array.from(value as Map<unknown, unknown>, ([key, member]) => [this.write(key), this.write(member)]),
        };
      case 'Set':
        return { $set: Array.from(value as Set<unknown>, (member) => this.write(member)) };
      default:
        return { $boxed: this.write(value.valueOf()) };
    }
  }

  #writeArray(array: readonly unknown[]): JsonValue {
    const names = Object.keys(array);
    if (isDense(array, names)) return array.map((member) => this.write(member));
    return { $sparse: [array.length, names.map((name) => [name, this.write(array[name as never])])] };
  }

  #writeMembers(value: object): JsonValue {
    const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.write(member)]));
    return getTag(value) === undefined ? members : { $object: members };
  }

  #writeError(error: Error, name: string): JsonValue {
    const { message, stack } = error;
    return {
      name,
      message,
      ...(typeof stack === 'string' && { stack }),
      ...(Object.hasOwn(error, 'cause') && { cause: this.write(error.cause) }),
    };
  }

  #findShared(root: object): void {
    const seen = new Set<object>();
    const stack: object[] = [root];
    for (let object = stack.pop(); object !== undefined; object = stack.pop()) {
      if (seen.size === seen.add(object).size) {
        this.#shared.set(object, undefined);
        continue;
      }
      for (const part of getParts(object)) if (isRecord(part)) stack.push(part);
    }
  }
}

/** Returns what an object consists of; single bytes and characters are left out. */
function getParts(object: object): readonly unknown[] {
  if (ArrayBuffer.isView(object)) return [];
  const kind = Array.isArray(object) ? 'Array' : getNativeKind(object);
  if (kind === 'Map') return [...(object as Map<unknown, unknown>)].flat(1);
  if (kind === 'Set') return [...(object as Set<unknown>)];
  if (kind?.endsWith('Error')) return [(object as Error).cause];
  return kind === undefined || kind === 'Array' ? Object.values(object) : [];
}

const isDense = (array: readonly unknown[], names: readonly string[]): boolean =>
  names.length === array.length && (array.length === 0 || names.at(-1) === String(array.length - 1));

const ERROR_NAMES = ['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'];
const VIEW_NAMES = [
  'Int8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'DataView',
];

/** Creates an object, tells of it, and returns it: its parts may refer to it. */
type Register = <T extends object>(object: T) => T;

type TagReader = (member: unknown, depth: number, register: Register) => unknown;

class JsonReader {
  readonly #shared = new Map<number, object>();

  read(json: unknown, depth: number, register: Register = (object) => object): unknown {
    if (typeof json !== 'object' || json === null) return json;
    if (depth > MAX_JSON_DEPTH) throw badJsonError('value', `is nested more than ${MAX_JSON_DEPTH} levels deep`);
    if (Array.isArray(json)) {
      const array: unknown[] = register([]);
      for (const member of json) array.push(this.read(member, depth + 1));
      return array;
    }
    const [tag, member] = getTag(json) ?? [];
    const readTag = tag !== undefined && Object.hasOwn(this.#tags, tag) ? this.#tags[tag] : undefined;
    if (readTag === undefined) return this.#readMembers(json, depth, register);
    try {
      return readTag(member, depth + 1, register);
    } catch (error) {
      // A pattern, a date or a length that JavaScript refuses.
      if (error instanceof DiskCacheError) throw error;
      throw badJsonError(tag!, `can't be read: ${(error as Error).message}`);
    }
  }

  #readMembers(json: object, depth: number, register: Register): object {
    const object = register({});
    for (const [name, member] of Object.entries(json)) define(object, name, this.read(member, depth + 1));
    return object;
  }

  readonly #tags: Readonly<Record<string, TagReader>> = {
    $undefined: () => undefined,
    $bigint: (member) => BigInt(assertMatch('$bigint', member, /^-?\d+$/)),
    $number: (member) => Number(assertMatch('$number', member, /^(NaN|-?Infinity|-0)$/)),
    $date: (member, _, register) => register(readDate(assertText('$date', member))),
    $bytes: (member, _, register) => register(readBytes('$bytes', member)),
    $buffer: (member, _, register) => register(readBytes('$buffer', member).buffer as ArrayBuffer),
    $view: (member, _, register) => {
      const [name, base64] = assertArray('$view', member, 2);
      const View = VIEW_NAMES.includes(String(name)) ? globalThis[name as 'DataView'] : undefined;
      if (View === undefined) throw badJsonError('$view', `is of the unknown type ${String(name)}`);
      return register(new View(readBytes('$view', base64).buffer as ArrayBuffer));
    },
    $regexp: (member, _, register) => {
      const [source, flags] = assertArray('$regexp', member, 2);
      return register(new RegExp(assertText('$regexp', source), assertText('$regexp', flags)));
    },
    $boxed: (member, depth, register) => {
      const primitive = this.read(member, depth);
      if (isRecord(primitive) || primitive == null) throw badJsonError('$boxed', 'holds no primitive value');
      return register(Object(primitive));
    },
    $map: (member, depth, register) => {
      const map = register(new Map());
      for (const entry of assertArray('$map', member)) {
        const [key, value] = assertArray('$map', entry, 2);
        map.set(this.read(key, depth), this.read(value, depth));
      }
      return map;
    },
    $set: (member, depth, register) => {
      const set = register(new Set());
      for (const item of assertArray('$set', member)) set.add(this.read(item, depth));
      return set;
    },
    $sparse: (member, depth, register) => this.#readSparse(member, depth, register),
    $error: (member, depth, register) => this.#readError(assertObject('$error', member), depth, register),
    $object: (member, depth, register) => this.#readMembers(assertObject('$object', member), depth, register),
    $shared: (member, depth) => {
      const [id, shared] = assertArray('$shared', member, 2);
      if (!Number.isSafeInteger(id) || this.#shared.has(id as number))
        throw badJsonError('$shared', 'needs a number of its own');
      return this.read(shared, depth, (object) => {
        this.#shared.set(id as number, object);
        return object;
      });
    },
    $again: (member) => {
      const known = this.#shared.get(member as number);
      if (known === undefined) throw badJsonError('$again', 'refers to an object that has not begun');
      return known;
    },
  };

  #readSparse(member: unknown, depth: number, register: Register): unknown[] {
    const [length, members] = assertArray('$sparse', member, 2);
    const array: unknown[] = register([]);
    // With an element at the end first, V8 takes no memory for the holes.
    array[2 ** 32 - 2] = 0;
    delete array[2 ** 32 - 2];
    array.length = length as number;
    for (const entry of assertArray('$sparse', members)) {
      const [name, value] = assertArray('$sparse', entry, 2);
      if (assertText('$sparse', name) === 'length') throw badJsonError('$sparse', 'has a member named length');
      define(array, name as string, this.read(value, depth));
    }
    if (array.length !== length) throw badJsonError('$sparse', 'has a member beyond its length');
    return array;
  }

  #readError(json: Readonly<Record<string, unknown>>, depth: number, register: Register): Error {
    const name = ERROR_NAMES.includes(json['name'] as string) ? (json['name'] as 'Error') : 'Error';
    const error = register(new globalThis[name]());
    const set = (member: string, value: unknown) =>
      Object.defineProperty(error, member, { value, writable: true, configurable: true });
    set('message', assertText('$error', json['message']));
    set('stack', json['stack'] === undefined ? undefined : assertText('$error', json['stack']));
    if (Object.hasOwn(json, 'cause')) set('cause', this.read(json['cause'], depth));
    return error;
  }
}

/** Defines a property instead of setting it, so that `__proto__` is an ordinary name. */
const define = (object: object, name: string, value: unknown): unknown =>
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });

function readDate(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime()) && text !== 'Invalid Date') throw badJsonError('$date', 'is not a date');
  return date;
}

function readBytes(tag: string, base64: unknown): Uint8Array {
  const bytes = fromBase64(assertText(tag, base64));
  if (bytes === undefined) throw badJsonError(tag, 'is not base64');
  return bytes;
}

/** Returns the bytes, with memory of their own; undefined unless the text is what `toString('base64')` writes. */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

function assertText(tag: string, member: unknown): string {
  if (typeof member === 'string') return member;
  throw badJsonError(tag, 'needs a text');
}

function assertMatch(tag: string, member: unknown, pattern: RegExp): string {
  if (typeof member === 'string' && pattern.test(member)) return member;
  throw badJsonError(tag, 'holds another text than it can have');
}

function assertArray(tag: string, member: unknown, length?: number): readonly unknown[] {
  if (Array.isArray(member) && (length === undefined || member.length === length)) return member;
  throw badJsonError(tag, length === undefined ? 'needs an array' : `needs an array of ${length}`);
}

function assertObject(tag: string, member: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(member) && !Array.isArray(member)) return member as Readonly<Record<string, unknown>>;
  throw badJsonError(tag, 'needs an object');
}

const badJsonError = (tag: string, fault: string): DiskCacheError =>
  new DiskCacheError('BAD_VALUE', `The JSON of a value is wrong: ${tag} ${fault}; docs/export-format.md has the forms`);
