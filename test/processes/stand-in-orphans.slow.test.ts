import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { freshDirectory } from '../engine/fresh-directory.ts';

const REGISTER = fileURLToPath(new URL('../../e2e/stand-in/register.ts', import.meta.url));

/** It never comes back to its event loop, as a long query. */
const BUSY_SCRIPT = `process.parentPort.on('message', () => { process.parentPort.postMessage('busy'); setImmediate(() => { for (;;); }); });`;

/** Prints the process id of a busy utility process, then ends by the given signal. */
const MAIN_SCRIPT = `
import { app, utilityProcess } from 'electron';
app.whenReady().then(() => {
  const utility = utilityProcess.fork(process.env.BUSY, []);
  utility.on('spawn', () => utility.postMessage('go'));
  utility.on('message', () => {
    process.stdout.write(utility.pid + '\\n');
    process.stdin.once('data', (how) => process.kill(process.pid, String(how)));
  });
});
`;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

async function startBusy(): Promise<{ main: ChildProcess; utility: number }> {
  const folder = freshDirectory();
  const [file, busy] = [join(folder, 'main.mjs'), join(folder, 'busy.mjs')];
  writeFileSync(file, MAIN_SCRIPT);
  writeFileSync(busy, BUSY_SCRIPT);
  const args = ['--import', pathToFileURL(REGISTER).href, file, `--user-data-dir=${join(folder, 'data')}`];
  const main = spawn(process.execPath, args, {
    env: { ...process.env, BUSY: busy },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [printed] = await once(main.stdout!, 'data');
  return { main, utility: Number(String(printed)) };
}

it.skipIf(process.platform === 'win32')(
  'a utility process of the stand-in that is busy ends when its main process was killed',
  async () => {
    const { main, utility } = await startBusy();
    expect(isRunning(utility)).toBe(true);
    try {
      const exit = once(main, 'exit');
      main.stdin!.write('SIGKILL');
      await exit;
      await expect.poll(() => isRunning(utility), { timeout: 10_000, interval: 100 }).toBe(false);
    } finally {
      if (isRunning(utility)) process.kill(utility, 'SIGKILL');
    }
  },
);
