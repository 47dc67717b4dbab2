import { describe, expect, it } from 'vitest';
import { SUITES } from './suites.ts';

/** The long form is `npm run torture`. */
describe('a short torture', () => {
  for (const { name, short, unavailable, run } of SUITES) {
    const why = unavailable?.();
    it.skipIf(why !== undefined)(why === undefined ? `by ${name}` : `by ${name} (${why})`, async () => {
      const { figures, faults } = await run(short);
      console.log(`${name}: ${figures}`);
      expect(faults).toEqual([]);
    });
  }
});
