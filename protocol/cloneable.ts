import { isPlainObject, nativeKind } from './natives.ts';

/** Objects in a value may stand in each other this deep. */
export const VALUE_DEPTH = 1000;

/** What structured clone keeps of an Error. */
export const ERROR_PROPERTIES: readonly string[] = ['message', 'stack', 'cause'];

/**
 * Whether structured clone gives a value back deeply equal: true exactly where `valueFault` finds nothing. Says no more than that, for
 * every page loads it, and only those that give a wrong value load what names the fault. O(size of the value); bytes are not looked at
 * one by one.
 */
export function isCloneable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return isCloneablePrimitive(value);
  try {
    return isCloneableObject(value, new Set(), 0);
  } catch {
    // A getter, or a proxy, that throws.
    return false;
  }
}

const isCloneablePrimitive = (value: unknown): boolean => typeof value !== 'function' && typeof value !== 'symbol';

function isCloneableObject(value: object, seen: Set<object>, depth: number): boolean {
  if (seen.has(value)) return true;
  seen.add(value);
  if (depth === VALUE_DEPTH || Object.getOwnPropertySymbols(value).length > 0) return false;
  const kind = isPlainObject(value) ? 'Object' : nativeKind(value);
  if (kind === undefined) return false;
  if (kind === 'Object' || kind === 'Array') return areCloneable(Object.values(value), seen, depth + 1);
  if (ArrayBuffer.isView(value)) return isAttached(value.buffer);
  if (kind.endsWith('Error')) {
    const isKept = (name: string) => ERROR_PROPERTIES.includes(name);
    return Object.getOwnPropertyNames(value).every(isKept) && areCloneable([(value as Error).cause], seen, depth + 1);
  }
  // Structured clone loses what was added to the others. The characters of a String are properties, too.
  if (Object.keys(value).length > (kind === 'String' ? String(value).length : 0)) return false;
  if (kind === 'Map' || kind === 'Set') {
    const members = value as Map<unknown, unknown> | Set<unknown>;
    return areCloneable([...members.keys()], seen, depth + 1) && areCloneable([...members.values()], seen, depth + 1);
  }
  if (kind === 'RegExp') return (value as RegExp).lastIndex === 0;
  return kind !== 'ArrayBuffer' || isAttached(value as ArrayBuffer);
}

function areCloneable(parts: readonly unknown[], seen: Set<object>, depth: number): boolean {
  for (const part of parts) {
    if (typeof part !== 'object' || part === null ? !isCloneablePrimitive(part) : !isCloneableObject(part, seen, depth))
      return false;
  }
  return true;
}

/** Whether a buffer is one of this process alone, and still has its bytes. */
export function isAttached(buffer: ArrayBufferLike): boolean {
  try {
    return Object.prototype.toString.call(buffer) === '[object ArrayBuffer]' && new Uint8Array(buffer).length >= 0;
  } catch {
    return false;
  }
}
