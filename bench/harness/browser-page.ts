import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Page } from 'playwright-core';
import { findChromium } from '../../e2e/stand-in/chromium/find-chromium.ts';
import type { Scratch } from './scratch.ts';

const TIMEOUT_MS = 120_000;

/** A page of a headless Chromium with a profile on disk and an origin of its own, which IndexedDB needs. */
export class BrowserPage implements AsyncDisposable {
  readonly #page: Page;
  readonly #end: () => Promise<void>;

  private constructor(page: Page, end: () => Promise<void>) {
    this.#page = page;
    this.#end = end;
  }

  /** @throws `Error` in one line if no Chromium starts here. */
  static async open(scratch: Scratch): Promise<BrowserPage> {
    const { path, env } = await findChromium(false);
    const context = await chromium.launchPersistentContext(scratch.directory(), {
      executablePath: path,
      env: { ...process.env, ...env } as Record<string, string>,
      headless: true,
      timeout: TIMEOUT_MS,
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    });
    const server = await serveEmptyPage();
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return new BrowserPage(page, async () => {
      await context.close();
      server.close();
    });
  }

  /** Runs a function of the page, which sees nothing of this module. */
  evaluate<Argument, Result>(work: (argument: Argument) => Promise<Result>, argument: Argument): Promise<Result> {
    return this.#page.evaluate(work as (argument: unknown) => Promise<Result>, argument);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}

function serveEmptyPage(): Promise<Server> {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
