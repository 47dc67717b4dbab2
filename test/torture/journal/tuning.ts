import type { SourceEdit } from './bundle.ts';

/** Makes a journal's generations small, so that short runs see many. */
export const SMALL_GENERATIONS: readonly SourceEdit[] = [];
