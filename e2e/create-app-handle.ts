import type { ChildProcess } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { AppHandle, Shell } from './app-handle.ts';
import { killTree } from './kill-tree.ts';

const QUIT_TIMEOUT_MS = 15_000;
const WINDOW_TIMEOUT_MS = 30_000;

interface AppParts {
  readonly shell: Shell;
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly windows: () => Page[];
  readonly url: (page: Page) => string;
  /** Asks for a graceful end; the process ends later. */
  readonly quit: () => Promise<void>;
  /** After the process is gone. */
  readonly release: () => Promise<void>;
}

/** What both shells have in common once the main process runs. */
export function createAppHandle({ process: child, quit, release, ...parts }: AppParts): AppHandle {
  const closed = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  return {
    ...parts,
    process: child,
    closed,
    async waitForWindow(which, timeout = WINDOW_TIMEOUT_MS) {
      for (const deadline = Date.now() + timeout; Date.now() < deadline; await wait(50)) {
        const pages = parts.windows();
        if (typeof which === 'number') {
          if (pages[which]) return pages[which];
        } else {
          for (const page of pages) if (await which(page)) return page;
        }
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`The application ended before the window came; it printed:\n${parts.output()}`);
        }
      }
      const open = parts.windows().map(parts.url).join(', ') || 'none';
      throw new Error(
        `No such window within ${timeout} ms (open: ${open}); the application printed:\n${parts.output()}`,
      );
    },
    async close() {
      await quit().catch(() => {});
      const late = await Promise.race([closed.then(() => false), wait(QUIT_TIMEOUT_MS, true, { ref: false })]);
      if (late) {
        killTree(child);
        await closed;
      }
      await release();
      if (late)
        throw new Error(`The application did not quit within ${QUIT_TIMEOUT_MS} ms; it printed:\n${parts.output()}`);
    },
    async kill() {
      killTree(child);
      await closed;
      await release();
    },
  };
}

/** Collects what a process prints. */
export function collectOutput(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  return () => text;
}
