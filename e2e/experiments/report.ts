/** What came of an experiment. */
export interface ExperimentResult {
  readonly name: string;
  readonly question: string;
  readonly answer: string;
  readonly expected: string;
  readonly seconds: number;
}

export const isExpected = ({ answer, expected }: ExperimentResult): boolean => answer === expected;

/** Returns what stdout says of an experiment. */
export function formatLine(result: ExperimentResult): string {
  const { name, question, answer, expected, seconds } = result;
  const lines = [
    `${isExpected(result) ? 'ok  ' : 'FAIL'} ${name} (${seconds.toFixed(1)} s): ${question}`,
    `      answer:   ${answer}`,
    ...(isExpected(result) ? [] : [`      expected: ${expected}`]),
  ];
  return lines.join('\n');
}

/** Returns a Markdown table for the summary of a job. */
export function formatSummary(where: string, results: readonly ExperimentResult[]): string {
  const rows = results.map((result) =>
    [isExpected(result) ? '✅' : '❌', result.question, result.answer, result.expected].map(toCell).join(' | '),
  );
  return [
    `### Experiments in ${where}`,
    '',
    '| | question | answer | expected |',
    '|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
    '',
    '',
  ].join('\n');
}

/** A line break or a bar would end the cell. */
const toCell = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
