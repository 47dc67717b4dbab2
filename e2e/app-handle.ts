import type { ChildProcess } from 'node:child_process';
import type { Page } from 'playwright-core';

export type Shell = 'electron' | 'stand-in';

export interface LaunchOptions {
  readonly shell: Shell;
  /** The built main module of the application. */
  readonly main: string;
  /** The application's user data directory; it belongs to the caller and is not removed. */
  readonly userData: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** False keeps the stand-in's windows off the display. Default: on it, where there is one and a browser to use it. */
  readonly visible?: boolean;
  /** Milliseconds until the application must run; default 60,000 (a first start unpacks Chromium). */
  readonly timeout?: number;
}

/** A running application. */
export interface AppHandle {
  readonly shell: Shell;
  /** The main process. */
  readonly process: ChildProcess;
  /** Resolves when the main process is gone, for whatever reason. */
  readonly closed: Promise<void>;
  /** Open windows, oldest first. */
  windows(): Page[];
  /** The window at an index, or the first for which `storeKind` holds, as soon as there is one. Rejects after `timeout` ms (30,000). */
  waitForWindow(which: number | ((page: Page) => boolean | Promise<boolean>), timeout?: number): Promise<Page>;
  /** The address of a window in the application's own words: `app://…` in both shells. */
  url(page: Page): string;
  /** Asks the application to quit and waits until it is gone; after 15 s it is killed and the call rejects. */
  close(): Promise<void>;
  /** Kills the main process at once, as a crash or `kill -9` does, and waits until it is gone. */
  kill(): Promise<void>;
  /** What the main process has printed so far, both streams. */
  output(): string;
}
