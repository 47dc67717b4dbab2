/**
 * Returns a string that is equal for deeply equal keys, ranges and paths, so that a component can create new ones in each render. Unlike
 * `toKeyId` of the protocol it also takes what is not a key; the store refuses that later.
 */
export function getIdentity(part: unknown): string {
  if (typeof part === 'string') return JSON.stringify(part);
  if (typeof part === 'bigint') return `${part}n`;
  if (typeof part !== 'object' || part === null) return String(part);
  if (part instanceof Date) return `d${Number(part)}`;
  if (part instanceof Uint8Array) return `b${part}`;
  if (Array.isArray(part)) return `[${part.map(getIdentity)}]`;
  const names = Object.keys(part).sort();
  return `{${names.map((name) => JSON.stringify(name) + getIdentity((part as Record<string, unknown>)[name]))}}`;
}
