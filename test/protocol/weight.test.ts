import { describe, expect, it } from 'vitest';
import { weightOf } from '../../protocol/weight.ts';

describe('the weight of a message', () => {
  it('counts characters, bytes and parts', () => {
    expect(weightOf('x'.repeat(1000))).toBeGreaterThanOrEqual(1000);
    expect(weightOf(new Uint8Array(5000))).toBeGreaterThanOrEqual(5000);
    expect(weightOf({ a: [new Map([['k', new Set(['x'.repeat(300)])]])] })).toBeGreaterThan(300);
    expect(weightOf(Array.from({ length: 100 }, () => 1))).toBeGreaterThanOrEqual(800);
    for (const small of [null, undefined, 1, 5n, true, new Date()]) expect(weightOf(small)).toBeLessThan(50);
  });

  it('ends on cycles, on depth and on what is shared', () => {
    const cycle: unknown[] = ['x'.repeat(100)];
    cycle.push(cycle);
    expect(weightOf(cycle)).toBeLessThan(200);
    let deep: unknown[] = [];
    for (let n = 0; n < 100_000; n++) deep = [deep];
    expect(weightOf(deep)).toBeGreaterThan(100_000);
    let doubled: unknown[] = ['x'];
    for (let n = 0; n < 60; n++) doubled = [doubled, doubled];
    expect(weightOf(doubled)).toBeLessThan(2000);
  });
});
