/**
 * Returns a text that is the same for deeply equal keys, ranges and paths, so that they may be written in place where a component renders.
 * A key that no store accepts gets a text as well; the store refuses it.
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
