import { describe, expect, it } from 'vitest';
import { formatLine, formatSummary, isExpected } from '../../e2e/experiments/report.ts';

const right = { name: 'quit', question: 'Does it end?', answer: 'yes', expected: 'yes', seconds: 1.25 };
const wrong = { ...right, answer: 'no, it\nhangs | for ever' };

describe('the report of an experiment', () => {
  it('is one row in the summary of the job, whatever the result contains', () => {
    const rows = formatSummary('electron on linux', [right, wrong]).split('\n').slice(4, 6);
    expect(rows).toEqual([
      '| ✅ | Does it end? | yes | yes |',
      '| ❌ | Does it end? | no, it hangs \\| for ever | yes |',
    ]);
  });

  it('names the expected result only if the result differs', () => {
    expect([isExpected(right), isExpected(wrong)]).toEqual([true, false]);
    expect(formatLine(right)).not.toContain('expected');
    expect(formatLine(wrong)).toContain('expected: yes');
  });
});
