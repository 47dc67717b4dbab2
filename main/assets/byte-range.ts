import type { ByteRange } from '../engine/index.ts';

const SINGLE = /^bytes=\s*(?:(\d+)-(\d*)|-(\d+))\s*$/i;

/**
 * The one range that a `Range` field asks for, by RFC 9110 §14.1.2: `bytes=0-99`, `bytes=100-`, `bytes=-5`. Undefined, as the
 * RFC allows (§14.2), for what asks for several, makes no sense, or has another unit: the answer is the whole then.
 */
export function byteRangeOf(field: string | null, size: number): Required<ByteRange> | 'unsatisfiable' | undefined {
  const [range, first, last, suffix] = SINGLE.exec(field ?? '') ?? [];
  if (range === undefined) return undefined;
  if (first === undefined) {
    const length = Math.min(Number(suffix), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last ? Number(last) + 1 : Number.POSITIVE_INFINITY;
  if (end <= start) return undefined;
  return start < size ? { start, end: Math.min(end, size) } : 'unsatisfiable';
}
