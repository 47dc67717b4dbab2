import { types } from 'node:util';
import type { ValueNode } from './contract.ts';

/** Limits of what is shown of one value. */
const MAX_DEPTH = 16;
const MAX_MEMBERS = 256;
const MAX_NODES = 4096;
const MAX_TEXT_LENGTH = 2048;
const MAX_LABEL_LENGTH = 128;

/** Returns a value as a tree for display. Large and deep ones are cut, and marked so; what contains itself ends with `circular`. */
export const toValueNode = (value: unknown): ValueNode => new NodeWriter().write(value, []);

class NodeWriter {
  #nodes = 0;

  write(value: unknown, ancestors: readonly object[]): ValueNode {
    this.#nodes++;
    if (typeof value !== 'object' || value === null) return toPrimitiveNode(value);
    if (ancestors.includes(value)) return { type: 'circular', text: 'circular' };
    const { type, text, members } = describe(value);
    if (members === undefined) return { type, text };
    if (ancestors.length >= MAX_DEPTH) return { type, text, isCut: true };
    return { type, text, ...this.#writeMembers(members, [...ancestors, value]) };
  }

  #writeMembers(
    members: Iterable<readonly [label: string, member: unknown]>,
    ancestors: readonly object[],
  ): Pick<ValueNode, 'children' | 'isCut'> {
    const children: (readonly [string, ValueNode])[] = [];
    for (const [label, member] of members) {
      if (children.length >= MAX_MEMBERS || this.#nodes >= MAX_NODES) return { children, isCut: true };
      children.push([truncate(label, MAX_LABEL_LENGTH), this.write(member, ancestors)]);
    }
    return { children };
  }
}

function toPrimitiveNode(value: unknown): ValueNode {
  if (value === null) return { type: 'null', text: 'null' };
  if (typeof value === 'string') {
    const text = JSON.stringify(truncate(value, MAX_TEXT_LENGTH));
    return value.length > MAX_TEXT_LENGTH ? { type: 'string', text, isCut: true } : { type: 'string', text };
  }
  if (typeof value === 'bigint') return { type: 'bigint', text: truncate(`${value}n`, MAX_TEXT_LENGTH) };
  return { type: typeof value, text: Object.is(value, -0) ? '-0' : String(value) };
}

interface Description {
  readonly type: string;
  readonly text: string;
  /** Undefined for what has no members to show. */
  readonly members?: Iterable<readonly [label: string, member: unknown]>;
}

function describe(value: object): Description {
  if (Array.isArray(value)) {
    return { type: 'array', text: `Array(${value.length})`, members: listElements(value) };
  }
  if (types.isDate(value)) {
    return { type: 'date', text: Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString() };
  }
  if (types.isRegExp(value)) return { type: 'regexp', text: truncate(String(value), MAX_TEXT_LENGTH) };
  if (types.isMap(value)) return { type: 'map', text: `Map(${value.size})`, members: listEntries(value) };
  if (types.isSet(value)) return { type: 'set', text: `Set(${value.size})`, members: listElements(value) };
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return describeBytes(value);
  if (types.isNativeError(value)) {
    const text = truncate(`${value.name}: ${value.message}`, MAX_TEXT_LENGTH);
    return value.cause === undefined
      ? { type: 'error', text }
      : { type: 'error', text, members: [['cause', value.cause]] };
  }
  if (types.isBoxedPrimitive(value)) return { type: 'boxed', text: truncate(String(value.valueOf()), MAX_TEXT_LENGTH) };
  return { type: 'object', text: `Object(${Object.keys(value).length})`, members: Object.entries(value) };
}

function* listElements(elements: Iterable<unknown>): Generator<readonly [string, unknown]> {
  let index = 0;
  for (const element of elements) yield [`${index++}`, element];
}

function* listEntries(map: ReadonlyMap<unknown, unknown>): Generator<readonly [string, unknown]> {
  for (const [key, member] of map) yield [typeof key === 'string' ? key : toValueNode(key).text, member];
}

const FIRST_BYTES = 16;

function describeBytes(value: ArrayBufferView | ArrayBufferLike): Description {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  const first = Buffer.from(bytes.subarray(0, FIRST_BYTES))
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
  const dots = bytes.length > FIRST_BYTES ? ' …' : '';
  return { type: 'bytes', text: `${value.constructor.name}(${bytes.length})${first === '' ? '' : ` ${first}${dots}`}` };
}

const truncate = (text: string, maxLength: number): string =>
  text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;

const PREVIEW_LENGTH = 120;
const PREVIEW_DEPTH = 3;
const PREVIEW_MEMBERS = 6;

/** Returns the beginning of a value as one line. */
export const toPreview = (value: unknown): string => truncate(toLine(value, 0, []), PREVIEW_LENGTH);

function toLine(value: unknown, depth: number, ancestors: readonly object[]): string {
  if (typeof value === 'string') return JSON.stringify(truncate(value, PREVIEW_LENGTH));
  if (typeof value !== 'object' || value === null) return toPrimitiveNode(value).text;
  const { type, text, members } = describe(value);
  if (members === undefined || depth >= PREVIEW_DEPTH || ancestors.includes(value)) return text;
  const parts: string[] = [];
  for (const [label, member] of members) {
    if (parts.length >= PREVIEW_MEMBERS) {
      parts.push('…');
      break;
    }
    const line = toLine(member, depth + 1, [...ancestors, value]);
    parts.push(type === 'array' || type === 'set' ? line : `${truncate(label, PREVIEW_LENGTH)}: ${line}`);
  }
  const inner = parts.join(', ');
  return type === 'array' ? `[${inner}]` : type === 'object' ? `{ ${inner} }` : `${text} { ${inner} }`;
}
