/** The notes application of examples/notes in a folder that has the packed library installed. */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ROOT, runProgram } from '../../e2e/templates/packed-library.ts';
import { type InstalledApp, installApp } from '../packaging/installed-app.ts';

const EXAMPLE = join(ROOT, 'examples/notes');

let app: InstalledApp;
beforeAll(async () => {
  app = await installApp(['@types', 'csstype', 'electron', 'jsdom', 'react', 'react-dom', 'vitest']);
  cpSync(EXAMPLE, join(app.folder, 'notes'), { recursive: true });
});
afterAll(() => app.remove());

const run = (tool: string, ...args: string[]) =>
  runProgram(process.execPath, [join(ROOT, 'node_modules', tool), ...args], join(app.folder, 'notes'));

it('compiles', async () => {
  await run('typescript/bin/tsc');
});

it('passes its own tests in jsdom, with deskcache/react as with hooks by hand', async () => {
  await run('vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', '--outputFile=report.json');
  const report = JSON.parse(readFileSync(join(app.folder, 'notes/report.json'), 'utf8'));
  expect(report).toMatchObject({ numTotalTests: 4, numPassedTests: 4 });
});

/** Lines of code: without empty ones and comments. */
const countLines = (...files: readonly string[]): number =>
  files
    .flatMap((file) => readFileSync(join(EXAMPLE, file), 'utf8').split('\n'))
    .filter((line) => line.trim() !== '' && !/^\s*(\/\*|\*|\/\/)/.test(line)).length;

it('has the lines that its README counts', () => {
  const readme = readFileSync(join(ROOT, 'examples/README.md'), 'utf8');
  const row = (what: string, ...counts: number[]) => `| ${[what, ...counts].join(' | ')} |`;
  expect(readme).toContain(row('reading, following, undoing', countLines('hooks-by-hand.ts'), 0));
  expect(readme).toContain(row('components', countLines('app-by-hand.tsx'), countLines('app.tsx')));
});
