import type { SourceEdit } from './bundle.ts';

const APPLIER = 'journal/applier.ts';
const GENERATIONS = 'journal/generations.ts';

/**
 * Takes one of the four rules of docs/decisions/0029-write-journal.md out of the source text. Each has to make the simulation of power
 * cuts fail: a simulation that stays content without a rule doesn't test it.
 */
export const BROKEN_RULES: Readonly<Record<string, readonly SourceEdit[]>> = {
  'a sealed file is not synced before its first slice': [{ file: APPLIER, from: /sealed\.file\.sync\(\);/, to: '' }],
  'the last slice is not synced': [
    {
      file: APPLIER,
      from: /inDurableTransaction\((this\.#core, \(\) => this\.#applyLast)/,
      to: 'inWriteTransaction($1',
    },
  ],
  'a direct write has no number of its own': [
    {
      file: GENERATIONS,
      from: /#numberDirectWrites\(\): void \{[^}]*\}/,
      to: '#numberDirectWrites(): void { this.#core.connection.pending.hasDirectWrites = false; }',
    },
  ],
  'recovery goes on behind a gap': [
    { file: 'journal/journal-contents.ts', from: /if \(record\.number !== lastNumber \+ 1\) break;/, to: '' },
  ],
};
