import { describe, expect, it } from 'vitest';
import { getShimFault } from '../torture/shim.ts';
import { LIMITS } from './limits.ts';
import { CONTROL_BYTES, CONTROL_NAME, COUNTED_STORES } from './operations.ts';
import { type CallCounts, type MemoryCounts, readCallCounts, readMemoryCounts } from './read-counts.ts';

const MEMORY_COUNTS = ['statements', 'messages', 'heapBytes'] as const;
const CALL_COUNTS = ['writes', 'syncs'] as const;

const shimFault = getShimFault();
/** Both at once: they are processes of their own. */
const memoryCounts = readMemoryCounts();
const callCounts = shimFault === undefined ? readCallCounts() : undefined;

const find = <Found extends { readonly name: string }>(all: readonly Found[], name: string): Found => {
  const found = all.find((counts) => counts.name === name);
  if (found === undefined) throw new Error(`Nothing was counted of "${name}"`);
  return found;
};

function assertLimits<Name extends keyof (MemoryCounts & CallCounts)>(
  counts: Readonly<Record<Name, unknown>>,
  names: readonly Name[],
  { most, least }: (typeof LIMITS)[number],
): void {
  for (const name of names) {
    const [upper, lower] = [most[name as keyof typeof most], least?.[name as keyof typeof most]];
    if (upper !== undefined) expect(counts[name], `${name} for each operation`).toBeLessThanOrEqual(upper);
    if (lower !== undefined) expect(counts[name], `${name} for each operation`).toBeGreaterThanOrEqual(lower);
  }
}

const ROWS = LIMITS.flatMap((limit) =>
  limit.stores.map((store) => ({ ...limit, name: `${limit.operation}, ${store}` })),
);

describe('an operation runs no more statements, sends no more messages and allocates no more than its limit', () => {
  it.each(ROWS)('$name: $why', async (row) => {
    assertLimits(find(await memoryCounts, row.name), MEMORY_COUNTS, row);
  });

  it('the count of bytes is right for an operation that allocates a known amount', async () => {
    const { heapBytes } = find(await memoryCounts, CONTROL_NAME);
    expect(heapBytes).toBeGreaterThan(CONTROL_BYTES * 0.9);
    expect(heapBytes).toBeLessThan(CONTROL_BYTES * 2);
  });
});

describe('an operation writes and syncs no more often than its limit, and no less often than it has promised', () => {
  it.skipIf(shimFault !== undefined).each(ROWS)(`$name${shimFault ? ` (${shimFault})` : ''}`, async (row) => {
    assertLimits(find((await callCounts)!, row.name), CALL_COUNTS, row);
  });
});

it('every operation that is counted has a limit', () => {
  const counted = COUNTED_STORES.flatMap(({ operations }) => operations.map(({ name }) => name));
  expect(ROWS.map(({ name }) => name).sort()).toEqual(counted.filter((name) => name !== CONTROL_NAME).sort());
});
