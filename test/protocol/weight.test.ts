import { describe, expect, it } from 'vitest';
import { estimateBytes } from '../../protocol/clone.ts';

describe('the weight of a message', () => {
  it('counts characters, bytes and parts', () => {
    expect(estimateBytes('x'.repeat(1000))).toBeGreaterThanOrEqual(1000);
    expect(estimateBytes(new Uint8Array(5000))).toBeGreaterThanOrEqual(5000);
    expect(estimateBytes({ a: [new Map([['k', new Set(['x'.repeat(300)])]])] })).toBeGreaterThan(300);
    expect(estimateBytes(Array.from({ length: 100 }, () => 1))).toBeGreaterThanOrEqual(800);
    for (const small of [null, undefined, 1, 5n, true, new Date()]) expect(estimateBytes(small)).toBeLessThan(50);
  });

  it('counts the texts of errors, the sources of patterns and the digits of bigints, at the top and inside', () => {
    const text = 'x'.repeat(5000);
    const cause = new RangeError('', { cause: text });
    const stack = Object.assign(new Error('short'), { stack: text });
    for (const value of [new Error(text), cause, stack, new RegExp(text), 1n << 40_000n, -(1n << 40_000n)]) {
      for (const part of [value, [value], { value }, new Map([[value, 1]])]) {
        expect(estimateBytes(part)).toBeGreaterThanOrEqual(5000);
        expect(estimateBytes(part)).toBeLessThan(20_000);
      }
    }
  });

  it('ends on cycles, deep nesting and shared parts', () => {
    const cycle: unknown[] = ['x'.repeat(100)];
    cycle.push(cycle);
    expect(estimateBytes(cycle)).toBeLessThan(200);
    let deep: unknown[] = [];
    for (let n = 0; n < 100_000; n++) deep = [deep];
    expect(estimateBytes(deep)).toBeGreaterThan(100_000);
    let doubled: unknown[] = ['x'];
    for (let n = 0; n < 60; n++) doubled = [doubled, doubled];
    expect(estimateBytes(doubled)).toBeLessThan(2000);
  });
});
