import { OURS } from './benchmark.ts';
import type { Spread, Verdict } from './measure.ts';
import type { SavedResults } from './results.ts';

const ROW_HEIGHT = 16;
const TOP = 40;
const [TITLE_X, GOAL_X, PLOT_X, PLOT_WIDTH, WIDTH] = [10, 440, 700, 280, 1000];
/** Doublings on each side of the goal, on a logarithmic axis. Values beyond are drawn at the edge. */
const DOUBLINGS = 3;
const MAX_TITLE_LENGTH = 84;
const MAX_GOAL_LENGTH = 44;
const [MET_COLOR, MISSED_COLOR] = ['#1a7f37', '#bc4c00'];

/** A goal with what was measured as a multiple of it: 1 is the goal itself, and less is better. */
interface PlottedGoal {
  readonly title: string;
  readonly goal: string;
  readonly multiple: Spread;
  readonly isMet: boolean;
}

/** Returns an SVG with a row for each goal that was measured: the median, and the range from the best to the worst round. */
export function plotGoals({ reports }: SavedResults): string {
  const goals = reports.flatMap(({ results }) =>
    results.flatMap(({ title, verdicts }) => verdicts.flatMap((verdict) => toPlottedGoal(title, verdict))),
  );
  const height = TOP + goals.length * ROW_HEIGHT + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="10">
<title>Measured ratios as multiples of their goals</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${formatAxis(height)}
${goals.map(formatRow).join('\n')}
</svg>
`;
}

function toPlottedGoal(comparison: string, { goal, ratio, met }: Verdict): PlottedGoal[] {
  if ('skipped' in ratio || met === undefined) return [];
  const title = goal.subject === OURS ? comparison : `${comparison}; ${goal.subject}`;
  if ('atMost' in goal) {
    const { least, median, most } = ratio;
    const multiple = { least: least / goal.atMost, median: median / goal.atMost, most: most / goal.atMost };
    return [{ title, goal: `≤ ${goal.atMost} × ${goal.against}`, multiple, isMet: met }];
  }
  const { timesFaster, against } = goal;
  const multiple = {
    least: timesFaster / ratio.most,
    median: timesFaster / ratio.median,
    most: timesFaster / ratio.least,
  };
  return [{ title, goal: `${timesFaster} × faster than ${against}`, multiple, isMet: met }];
}

const toX = (multiple: number): string => {
  const doublings = Math.max(-DOUBLINGS, Math.min(DOUBLINGS, Math.log2(multiple)));
  return (PLOT_X + (PLOT_WIDTH * (doublings + DOUBLINGS)) / (2 * DOUBLINGS)).toFixed(1);
};

function formatAxis(height: number): string {
  const marks = Array.from({ length: 2 * DOUBLINGS + 1 }, (_, at) => at - DOUBLINGS);
  return marks
    .map((doublings) => {
      const [x, label] = [toX(2 ** doublings), doublings < 0 ? `1/${2 ** -doublings}` : `${2 ** doublings}`];
      const line = doublings === 0 ? 'stroke="#1f2328"' : 'stroke="#d0d7de"';
      const text = doublings === 0 ? 'goal' : `${label} ×`;
      return `<text x="${x}" y="24" text-anchor="middle">${text}</text><line x1="${x}" x2="${x}" y1="30" y2="${height - 6}" ${line}/>`;
    })
    .join('\n');
}

function formatRow({ title, goal, multiple, isMet }: PlottedGoal, row: number): string {
  const y = TOP + row * ROW_HEIGHT + ROW_HEIGHT / 2;
  const color = isMet ? MET_COLOR : MISSED_COLOR;
  return [
    `<text x="${TITLE_X}" y="${y + 3}">${escapeXml(shorten(title, MAX_TITLE_LENGTH))}</text>`,
    `<text x="${GOAL_X}" y="${y + 3}">${escapeXml(shorten(goal, MAX_GOAL_LENGTH))}</text>`,
    `<line x1="${toX(multiple.least)}" x2="${toX(multiple.most)}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="2"/>`,
    `<circle cx="${toX(multiple.median)}" cy="${y}" r="4" fill="${color}"/>`,
  ].join('');
}

const shorten = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}…` : text);
const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
