import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const REGISTER = new URL('./register-stub.ts', import.meta.url).href;
const TIMEOUT_MS = 60_000;

export const PLACEMENTS = ['main', 'utility'] as const;
type Placement = (typeof PLACEMENTS)[number];

/** What main-process.js printed for each placement, or how it failed. */
export type RunResult = Partial<Record<Placement, MainResult>> & { readonly failed?: string };

/** What a placement came to, or the error it ended with. */
export interface MainResult {
  readonly placement?: Placement;
  readonly read?: string;
  readonly preload?: boolean;
  readonly error?: string;
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
}

/** What main-process.js prints for a placement that works. */
export const getExpected = (placement: Placement): MainResult => ({
  ...{ placement, read: `value ${2n ** 70n}`, preload: true, error: 'BAD_KEY' },
});

/** Runs a build of main-process.js with the stub of Electron, until it ends. */
export async function runMain(main: string, placements: readonly Placement[] = PLACEMENTS): Promise<RunResult> {
  const userData = mkdtempSync(join(tmpdir(), 'deskcache-user-data-'));
  const flags = ['--disable-warning=ExperimentalWarning', '--import', REGISTER];
  const child = spawn(process.execPath, [...flags, main, `--user-data-dir=${userData}`], {
    cwd: userData,
    env: { ...process.env, PLACEMENTS: placements.join(), NODE_PATH: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, TIMEOUT_MS);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  rmSync(userData, { recursive: true, force: true, maxRetries: 5 });
  const line = stdout.split('\n').find((it) => it.startsWith('{'));
  if (line !== undefined && !isLate) return JSON.parse(line);
  return { failed: `${isLate ? `did not end within ${TIMEOUT_MS} ms\n` : ''}${stdout}${stderr}` };
}
