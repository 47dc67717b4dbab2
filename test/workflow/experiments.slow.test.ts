/** The runner of the experiments, by one that is quick and right in the stand-in. It needs the build, which `npm test` makes first. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

function runExperiments(...args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'deskcache-summary-'));
  const summary = join(folder, 'summary.md');
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'e2e/experiments/run.ts'), ...args], {
      encoding: 'utf8',
      // Simulates a missing runtime, whatever this machine has.
      env: { ...process.env, GITHUB_STEP_SUMMARY: summary, ELECTRON_OVERRIDE_DIST_PATH: folder },
    });
    return { status, said: stdout + stderr, summary: status === 2 ? '' : readFileSync(summary, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it('a result is a line on stdout and a row of the summary', () => {
  const { status, said, summary } = runExperiments('--shell', 'stand-in', 'top-level-await');
  expect(said).toMatch(/^ok {3}top-level-await .*\n {6}answer: {3}ends: Detected unsettled top-level await$/m);
  expect(summary).toMatch(/^\| ✅ \| What does an ES module see .* \| ends: Detected .* \| ends: Detected .* \|$/m);
  expect(status).toBe(0);
});

it('an experiment that can’t run is an error', () => {
  expect(runExperiments('--shell', 'electron')).toMatchObject({
    status: 2,
    said: expect.stringContaining('no Electron runtime'),
  });
  expect(runExperiments('--shell', 'stand-in', 'nonsense')).toMatchObject({
    status: 2,
    said: expect.stringContaining('nonsense'),
  });
  expect(runExperiments('--shell', 'firefox')).toMatchObject({ status: 2, said: expect.stringContaining('firefox') });
});
