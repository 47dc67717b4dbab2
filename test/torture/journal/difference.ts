const MAX_CHARS = 120;
const shorten = (line: string): string =>
  line.length > MAX_CHARS ? `${line.slice(0, 20)}…${line.slice(20 - MAX_CHARS)}` : line;

/** Describes where two descriptions of a store differ; undefined if they are the same, also in their order. */
export function findDifference(found: readonly string[], expected: readonly string[]): string | undefined {
  if (found.length === expected.length && found.every((line, at) => line === expected[at])) return undefined;
  const surplus = found.filter((line) => !expected.includes(line));
  const missing = expected.filter((line) => !found.includes(line));
  if (surplus.length + missing.length === 0) return 'the same items in another order';
  const show = (lines: readonly string[]) => `${lines.length}: ${JSON.stringify(lines.slice(0, 4).map(shorten))}`;
  return `there and not expected ${show(surplus)}; expected and not there ${show(missing)}`;
}
