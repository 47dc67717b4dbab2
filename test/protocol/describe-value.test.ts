import { describe, expect, it } from 'vitest';
import { formatValue } from '../../protocol/describe-value.ts';

describe('a value in a message', () => {
  it.each([
    [[1], 'an array'],
    [{ a: 1 }, 'an object'],
    [new Map(), 'an object'],
    [null, 'null'],
    [() => 1, 'a function'],
    [1n, 'a bigint'],
    ['x'.repeat(100), `'${'x'.repeat(64)}…'`],
  ])('%s', (value, text) => {
    expect(formatValue(value, "'")).toBe(text);
  });

  it('is never read, so a revoked proxy does not throw', () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    expect(formatValue(proxy)).toBe('an object');
  });
});
