import type * as Electron from 'electron';
import type { ElectronMembers } from '../type-conformance.ts';
import { CancelableEvent, GuardedEmitter, GuardedObject } from '../unknown-member-guard.ts';
import { type AppPath, AppPaths } from './app-paths.ts';
import type { BrowserWindow } from './browser-window.ts';
import { InstanceLock } from './instance-lock.ts';
import { openWindows } from './open-windows.ts';
import { schemes } from './protocol.ts';
import { endUtilities } from './running-utilities.ts';
import { getShell, startShell } from './shell.ts';
import type { WebContents } from './web-contents.ts';

type Implemented =
  | 'whenReady'
  | 'isReady'
  | 'quit'
  | 'exit'
  | 'getAppPath'
  | 'getName'
  | 'setName'
  | 'isPackaged'
  | 'requestSingleInstanceLock'
  | 'hasSingleInstanceLock'
  | 'releaseSingleInstanceLock'
  | 'setPath';

interface AppEvents {
  ready: [];
  activate: [];
  'window-all-closed': [];
  'before-quit': [event: CancelableEvent];
  'will-quit': [event: CancelableEvent];
  quit: [event: CancelableEvent, exitCode: number];
  'second-instance': [event: CancelableEvent, argv: string[], workingDirectory: string, additionalData: unknown];
  'browser-window-created': [event: CancelableEvent, window: BrowserWindow];
  'web-contents-created': [event: CancelableEvent, contents: WebContents];
}

/** `app.commandLine`: switches of this process' arguments, and those handed to Chromium. */
class CommandLine
  extends GuardedObject
  implements ElectronMembers<Electron.CommandLine, 'appendSwitch' | 'hasSwitch' | 'getSwitchValue'>
{
  readonly appended: string[] = [];

  appendSwitch(name: string, value?: string): void {
    this.appended.push(value === undefined ? `--${name}` : `--${name}=${value}`);
  }

  hasSwitch(name: string): boolean {
    return this.#all().some((text) => text === `--${name}` || text.startsWith(`--${name}=`));
  }

  getSwitchValue(name: string): string {
    return (
      this.#all()
        .find((text) => text.startsWith(`--${name}=`))
        ?.slice(name.length + 3) ?? ''
    );
  }

  #all(): string[] {
    return [...process.argv.slice(2), ...this.appended];
  }
}

/** The application's life cycle: ready when Chromium runs, ends with the last window unless a listener prevents it. */
export class App extends GuardedEmitter<AppEvents> implements ElectronMembers<Electron.App, Implemented> {
  readonly isPackaged = false;
  readonly commandLine = new CommandLine();
  readonly #paths = new AppPaths();
  readonly #ready: Promise<void>;
  #state: 'starting' | 'ready' | 'quitting' | 'gone' = 'starting';
  #isShellRunning = false;
  #lock: InstanceLock | undefined;

  constructor() {
    super([
      'ready',
      'activate',
      'window-all-closed',
      'before-quit',
      'will-quit',
      'quit',
      'second-instance',
      'browser-window-created',
      'web-contents-created',
    ]);
    this.#ready = new Promise((resolve) => this.once('ready', resolve));
  }

  /** Called once, after the main module's first turn: until then it may move `userData` and register schemes. */
  async start(): Promise<void> {
    if (this.#state === 'gone') return;
    schemes.seal();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.quit());
    // The launch fixture's way to ask for a quit, on every platform; it does not keep the process alive.
    process.on('message', (message) => message === 'quit' && this.quit());
    process.channel?.unref();
    const switches = this.commandLine.appended;
    await startShell({ userData: this.getPath('userData'), switches, onGone: () => this.#onChromiumGone() });
    this.#isShellRunning = true;
    if (this.#state !== 'starting') return this.exit(0);
    this.#state = 'ready';
    this.emit('ready');
  }

  whenReady(): Promise<void> {
    return this.#ready;
  }

  isReady(): boolean {
    return this.#state !== 'starting';
  }

  getAppPath(): string {
    return this.#paths.appPath;
  }

  getPath(name: AppPath): string {
    return this.#paths.get(name);
  }

  setPath(name: string, path: string): void {
    if (name === 'userData' && this.isReady())
      throw new Error("stand-in: app.setPath('userData') comes too late after ready");
    this.#paths.set(name, path);
  }

  getName(): string {
    return this.#paths.name;
  }

  setName(name: string): void {
    this.#paths.name = name;
  }

  requestSingleInstanceLock(): boolean {
    // Electron emits it after `ready`.
    this.#lock ??= new InstanceLock(
      this.getPath('userData'),
      (argv, directory) =>
        void this.#ready.then(() => this.emit('second-instance', new CancelableEvent(), argv, directory, undefined)),
    );
    return this.#lock.acquire();
  }

  hasSingleInstanceLock(): boolean {
    return this.#lock?.isHeld ?? false;
  }

  releaseSingleInstanceLock(): void {
    this.#lock?.release();
  }

  quit(): void {
    if (this.#state === 'quitting' || this.#state === 'gone') return;
    const event = new CancelableEvent();
    this.emit('before-quit', event);
    if (event.defaultPrevented) return;
    const before = this.#state;
    this.#state = 'quitting';
    const stays = [...openWindows].filter((window) => !window.closeUnlessPrevented());
    if (stays.length > 0) this.#state = before;
    else if (openWindows.size === 0) this.#willQuit();
  }

  /** Without asking anybody. */
  exit(code = 0): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    for (const window of [...openWindows]) window.destroy();
    this.emit('quit', new CancelableEvent(), code);
    if (!this.#isShellRunning) process.exit(code);
    void Promise.all([getShell().close(), endUtilities()]).finally(() => process.exit(code));
  }

  /** Called by each window that is gone. */
  onWindowClosed(): void {
    if (openWindows.size > 0 || this.#state === 'gone') return;
    if (this.#state === 'quitting') this.#willQuit();
    else if (!this.emit('window-all-closed')) this.quit();
  }

  #willQuit(): void {
    const event = new CancelableEvent();
    this.emit('will-quit', event);
    if (event.defaultPrevented) this.#state = 'ready';
    else this.exit(0);
  }

  #onChromiumGone(): void {
    if (this.#state === 'gone') return;
    console.error('stand-in: Chromium ended by itself');
    for (const page of [...getShell().pages]) page.onClosed();
  }
}

export const app = new App();
