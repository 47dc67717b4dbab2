import type { SourceEdit } from './bundle.ts';

const limit = (name: string, value: string): SourceEdit => ({
  file: 'journal/journal.ts',
  from: new RegExp(`^const ${name} = .*;$`, 'm'),
  to: `const ${name} = ${value};`,
});

/** Makes a journal's generations, steps and rests small, so that short runs see many. */
export const SMALL_GENERATIONS: readonly SourceEdit[] = [
  limit('MAX_CHANGES', '24'),
  limit('MAX_FILE_BYTES', '64 * 1024'),
  limit('SLICE_CHANGES', '4'),
  limit('MAX_CHANGES_AT_ONCE', '12'),
  limit('REST_MS', '3'),
  limit('DIRECT_WRITES', '12'),
];
