import type { SourceEdit } from './bundle.ts';

const limit = (file: string, name: string, value: string): SourceEdit => ({
  file: `journal/${file}.ts`,
  from: new RegExp(`^((?:export )?const ${name}) = .*;$`, 'm'),
  to: `$1 = ${value};`,
});

/** Makes a journal's generations, steps and rests small, so that short runs see many. */
export const SMALL_GENERATIONS: readonly SourceEdit[] = [
  limit('generations', 'MAX_CHANGES', '24'),
  limit('generations', 'MAX_FILE_BYTES', '64 * 1024'),
  limit('applier', 'SLICE_CHANGES', '4'),
  limit('generations', 'MAX_CHANGES_AT_ONCE', '12'),
  limit('rest-timer', 'REST_MS', '3'),
  limit('journal', 'DIRECT_WRITES', '12'),
];
