import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const REGISTER = new URL('./register-stub.ts', import.meta.url).href;

/** What a main process printed as one line of JSON, or how it failed. */
export type Ran = { readonly printed: unknown } | { readonly failed: string };

/** Runs the main process of an application with the stub of Electron, until it ends. */
export async function runMain(main: string, environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const userData = mkdtempSync(join(tmpdir(), 'deskcache-user-data-'));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', REGISTER, main, `--user-data-dir=${userData}`],
    { cwd: userData, env: { ...process.env, ...environment, NODE_PATH: '' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(late);
  rmSync(userData, { recursive: true, force: true, maxRetries: 5 });
  const line = out.split('\n').find((it) => it.startsWith('{'));
  return line === undefined ? { failed: `${out}${err}` } : { printed: JSON.parse(line) };
}
