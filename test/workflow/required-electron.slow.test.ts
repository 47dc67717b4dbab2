/** `REQUIRE_ELECTRON` in the runner itself: with it a test that needs a missing runtime fails, without it it is skipped. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const playwright = join(root, 'node_modules', '@playwright', 'test', 'cli.js');

/** One test of project `electron`, where no runtime is: an override leads to a folder without one. */
function run(env: Readonly<Record<string, string>>) {
  const args = [playwright, 'test', '--config', 'e2e/playwright.config.ts', '--project', 'electron', '--reporter=list'];
  const { REQUIRE_ELECTRON: _, CI: __, ...rest } = process.env;
  return spawnSync(process.execPath, [...args, '--output', 'test-results/required', 'redirect.spec.ts'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...rest, ELECTRON_OVERRIDE_DIST_PATH: import.meta.dirname, ...env },
  });
}

it('a missing runtime fails where it is required', () => {
  const { status, stdout } = run({ REQUIRE_ELECTRON: '1' });
  expect(stdout).toContain('REQUIRE_ELECTRON is set, but there is no Electron runtime');
  expect(status).toBe(1);
});

it('a missing runtime is a skipped test elsewhere', () => {
  const { status, stdout } = run({});
  expect(stdout).toMatch(/\d skipped/);
  expect(stdout).not.toContain('passed');
  expect(status).toBe(0);
});
