import type { TaggedJson } from '../contract.ts';

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function formatBytes(bytes: number): string {
  const power = Math.min(BYTE_UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${amount.toFixed(power === 0 || amount >= 100 ? 0 : 1)} ${BYTE_UNITS[power]}`;
}

const counts = new Intl.NumberFormat('en');
export const formatCount = (count: number): string => counts.format(count);

export const formatPercent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Local time, for one that people compare with their clock. */
export const formatTime = (at: number): string => new Date(at).toLocaleString('sv').replace(',', '');

const DURATIONS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const;

export function formatDuration(ms: number): string {
  const [length, unit] = DURATIONS.find(([length]) => ms >= length) ?? [1000, 's'];
  return `${Math.floor(ms / length)} ${unit}`;
}

export const formatExpiry = (expiresAt: number | undefined): string => {
  if (expiresAt === undefined) return 'never';
  const ms = expiresAt - Date.now();
  return ms <= 0 ? 'expired' : `in ${formatDuration(ms)}`;
};

/** A key as one line: text as it is, everything else as JSON. */
export const formatKey = (key: TaggedJson): string => (typeof key === 'string' ? key : JSON.stringify(key));
