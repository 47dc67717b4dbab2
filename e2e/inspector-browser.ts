import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { findChromium } from './stand-in/chromium/find-chromium.ts';

const COMMAND = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

/** `deskcache inspect`, as a user starts it. */
export interface InspectCommand {
  readonly process: ChildProcess;
  /** The link that it has written. */
  readonly link: string;
  stop(): Promise<void>;
}

export async function startInspectCommand(...args: readonly string[]): Promise<InspectCommand> {
  const child = spawn(process.execPath, [COMMAND, 'inspect', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return {
    process: child,
    link: text.trim(),
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      await exited;
    },
  };
}

/** A browser of its own, outside of any application. */
export async function startBrowser(): Promise<Browser> {
  const { path, env } = await findChromium(false);
  const isRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env } as Record<string, string>,
    args: ['--disable-gpu', '--disable-dev-shm-usage', ...(isRoot ? ['--no-sandbox'] : [])],
  });
}
