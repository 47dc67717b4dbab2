import type { ChildProcess } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';
import { killTree } from './kill-tree.ts';

/** Connects to the DevTools endpoint of a process, which is killed if that fails. */
export async function connectToDevtools(child: ChildProcess, output: () => string, timeout: number): Promise<Browser> {
  try {
    return await chromium.connectOverCDP(await waitForDevtools(child, output, timeout));
  } catch (error) {
    killTree(child);
    throw error;
  }
}

/**
 * Returns the address of the DevTools endpoint that a process prints when it was started with a debugging port, as Chromium does.
 * Rejects with what it has printed when it ends first, and after `timeout` ms.
 */
export function waitForDevtools(child: ChildProcess, output: () => string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(why));
    const timer = setTimeout(
      () => fail(`The application did not start within ${timeout} ms; it printed:\n${output()}`),
      timeout,
    );
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(output().trim() || `The application ended with ${signal ?? `code ${code}`} and printed nothing`);
    });
    child.once('error', (error) => {
      clearTimeout(timer);
      fail(`The application could not be started: ${error.message}`);
    });
    child.stderr?.on('data', () => {
      const endpoint = /DevTools listening on (ws:\S+)/.exec(output())?.[1];
      if (!endpoint) return;
      clearTimeout(timer);
      resolve(endpoint);
    });
  });
}
