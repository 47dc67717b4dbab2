/** What the experiments are made of: one question each, one answer in one line. */
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import type { AppHandle, Shell } from '../app-handle.ts';
import { waitForDiskCache } from '../disk-cache-page.ts';
import { launch } from '../launch.ts';

export interface Experiment {
  readonly question: string;
  /** What Electron answers when the product is right. */
  readonly expected: string;
  /** What the stand-in answers, where it can't answer as Electron does. */
  readonly expectedInStandIn?: string;
  run(lab: Lab): Promise<string>;
}

/** Where one experiment runs. Whatever it starts is ended by the runner. */
export interface Lab {
  readonly shell: Shell;
  /** The user data directory, the same for each start of an experiment. */
  readonly userData: string;
  /** Starts the application of `app/main.ts`. Resolves when its first page has `diskCache`. */
  start(...args: string[]): Promise<RunningApp>;
  /** Ends something with the experiment, whatever comes of it. */
  defer(end: () => unknown): void;
}

export interface RunningApp {
  readonly app: AppHandle;
  readonly page: Page;
}

const LAB = fileURLToPath(new URL('../../dist/e2e/experiments/main.js', import.meta.url));

/** Returns the lab of an experiment, for a shell. */
export function createLab(shell: Shell, userData: string, defer: (end: () => unknown) => void): Lab {
  return {
    shell,
    userData,
    defer,
    async start(...args) {
      const app = await launch({ shell, main: LAB, userData, args, visible: false });
      defer(() => app.kill());
      const page = await app.waitForWindow(0);
      await waitForDiskCache(page);
      return { app, page };
    },
  };
}

/** Sends a command to the main process. Returns its result; rejects with its error. */
export const sendCommand = <T>(page: Page, name: string, argument?: unknown): Promise<T> =>
  page.evaluate<T, unknown[]>(
    async (words) => {
      const response = await fetch('app://lab/do', { method: 'POST', body: JSON.stringify(words) });
      return response.json();
    },
    [name, argument],
  );

/** Returns the window that shows an address, as soon as there is one. */
export const waitForPage = (app: AppHandle, url: string): Promise<Page> =>
  app.waitForWindow((page) => app.url(page) === url);

const ANSWER_TIMEOUT_MS = 15_000;

/** Returns the outcome of a promise in a page as a word: its value, or the error's code or name; `no answer` after 15 s. */
export function evaluateWithTimeout(page: Page, expression: string): Promise<string> {
  const outcome = page.evaluate<string>(`(async () => {
    try { return String(await (${expression})); }
    catch (error) { return error.code ?? error.name; }
  })()`);
  return Promise.race([
    outcome.catch((error: Error) => `page gone (${error.message.split('\n', 1)[0]})`),
    wait(ANSWER_TIMEOUT_MS, 'no answer', { ref: false }),
  ]);
}
