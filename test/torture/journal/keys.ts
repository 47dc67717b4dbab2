/** A key of a torture step. */
export type JournalKey = string | number | bigint | boolean | null | Date | Uint8Array | readonly JournalKey[];

/** Equal for equal keys only. */
export function toKeyId(key: JournalKey): string {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'number') return `n${key}`;
  if (typeof key === 'bigint') return `i${key}`;
  if (key instanceof Uint8Array) return `b${Buffer.from(key).toString('hex')}`;
  if (key instanceof Date) return `d${key.getTime()}`;
  if (Array.isArray(key)) return `[${key.map((part) => `${toKeyId(part)},`).join('')}]`;
  return `p${key}`;
}

/** Long enough that SQLite keeps it on pages of its own. */
const LONG = 'long '.repeat(400);

/** The n-th key: mostly short texts, and one in ten of another kind. */
export function createKey(n: number): JournalKey {
  if (n % 10 !== 9) return `key ${n}`;
  const kind = Math.floor(n / 10) % 8;
  if (kind === 0) return ['list', n, ['deep', `${n}`]];
  if (kind === 1) return new Uint8Array([0, n & 255, 255]);
  if (kind === 2) return BigInt(n) << 70n;
  if (kind === 3) return LONG + n;
  if (kind === 4) return -n / 3;
  if (kind === 5) return new Date(1_700_000_000_000 + n);
  if (kind === 6) return n % 20 === 9 ? null : true;
  return `key \u0000 ${n} \u{1F600}`;
}
