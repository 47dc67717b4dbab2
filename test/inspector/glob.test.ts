import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../../main/inspector/glob.ts';

/** The same by a regular expression, which may take very long. */
const matchesExpression = (text: string, pattern: string): boolean => {
  const parts = [...pattern].map((it) => ({ '*': '[^]*', '?': '[^]' })[it] ?? it.replace(/[^a-z]/g, '\\$&'));
  return new RegExp(`^${parts.join('')}$`).test(text);
};

describe('matchesGlob', () => {
  it('finds what a regular expression finds', () => {
    const letters = (alphabet: string) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 8 });
    fc.assert(
      fc.property(letters('ab.'), letters('ab.*?'), (text, pattern) => {
        expect(matchesGlob(text, pattern)).toBe(matchesExpression(text, pattern));
      }),
      { numRuns: 2000 },
    );
  });

  it('ends on patterns that make backtracking explode', () => {
    expect(matchesGlob('a'.repeat(20_000), `${'*a'.repeat(100)}b`)).toBe(false);
  });
});
