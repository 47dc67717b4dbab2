import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Electron from 'electron';
import type { ElectronMembers } from '../type-conformance.ts';
import { assertKnownOptions, CancelableEvent, GuardedEmitter } from '../unknown-member-guard.ts';
import { app } from './app.ts';
import { openWindows } from './open-windows.ts';
import { Session, session } from './session.ts';
import { getShell } from './shell.ts';
import { type Color, WebContents } from './web-contents.ts';

type Implemented =
  | 'loadURL'
  | 'loadFile'
  | 'id'
  | 'close'
  | 'destroy'
  | 'isDestroyed'
  | 'show'
  | 'focus'
  | 'webContents'
  | 'getTitle'
  | 'isVisible';

interface WindowEvents {
  close: [event: CancelableEvent];
  closed: [];
  'ready-to-show': [];
  show: [];
  focus: [];
}

const KNOWN_OPTIONS = [
  'width',
  'height',
  'minWidth',
  'minHeight',
  'show',
  'title',
  'backgroundColor',
  'autoHideMenuBar',
  'webPreferences',
];
const KNOWN_PREFERENCES = [
  'preload',
  'sandbox',
  'contextIsolation',
  'nodeIntegration',
  'nodeIntegrationInSubFrames',
  'webSecurity',
  'session',
  'partition',
];

let lastId = 0;

/** A window is a page of Chromium; without a display it is invisible, which the page can't tell. */
export class BrowserWindow
  extends GuardedEmitter<WindowEvents>
  implements ElectronMembers<Electron.BrowserWindow, Implemented>
{
  readonly id = ++lastId;
  readonly webContents: WebContents;
  #title: string;
  #visible: boolean;

  constructor(options: Electron.BrowserWindowConstructorOptions = {}) {
    super(['close', 'closed', 'ready-to-show', 'show', 'focus']);
    assertKnownOptions('new BrowserWindow', options, KNOWN_OPTIONS);
    const preferences = options.webPreferences ?? {};
    assertKnownOptions('webPreferences', preferences, KNOWN_PREFERENCES);
    assertSecure(preferences);
    this.#title = options.title ?? app.getName();
    this.#visible = options.show ?? true;
    this.webContents = new WebContents({
      width: options.width ?? 800,
      height: options.height ?? 600,
      hidden: options.show === false,
      background: options.backgroundColor === undefined ? undefined : parseColor(options.backgroundColor),
      preload: preferences.preload,
      subframes: preferences.nodeIntegrationInSubFrames ?? false,
      session: getSession(preferences),
    });
    openWindows.add(this);
    getShell().pages.add(this.webContents);
    this.webContents.once('dom-ready', () => this.emit('ready-to-show'));
    this.webContents.once('destroyed', () => this.#closed());
    app.emit('web-contents-created', new CancelableEvent(), this.webContents);
    app.emit('browser-window-created', new CancelableEvent(), this);
  }

  static getAllWindows(): BrowserWindow[] {
    return [...openWindows];
  }

  static fromWebContents(contents: WebContents): BrowserWindow | null {
    return [...openWindows].find((window) => window.webContents === contents) ?? null;
  }

  static fromId(id: number): BrowserWindow | null {
    return [...openWindows].find((window) => window.id === id) ?? null;
  }

  loadURL(url: string, options: object = {}): Promise<void> {
    return this.webContents.loadURL(url, options);
  }

  loadFile(path: string, options: object = {}): Promise<void> {
    assertKnownOptions('loadFile', options, []);
    return this.loadURL(pathToFileURL(isAbsolute(path) ? path : resolve(app.getAppPath(), path)).href);
  }

  close(): void {
    this.closeUnlessPrevented();
  }

  /** What `close` does; false when a listener of the event prevented it. */
  closeUnlessPrevented(): boolean {
    if (this.isDestroyed()) return true;
    const event = new CancelableEvent();
    this.emit('close', event);
    if (!event.defaultPrevented) this.webContents.close();
    return !event.defaultPrevented;
  }

  destroy(): void {
    if (this.isDestroyed()) return;
    this.webContents.close();
    this.webContents.onClosed();
  }

  isDestroyed(): boolean {
    return this.webContents.isDestroyed();
  }

  getTitle(): string {
    return this.#title;
  }

  isVisible(): boolean {
    return this.#visible && !this.isDestroyed();
  }

  show(): void {
    this.#visible = true;
    this.webContents.show();
    this.webContents.raise();
    this.emit('show');
  }

  focus(): void {
    this.webContents.raise();
    this.emit('focus');
  }

  #closed(): void {
    openWindows.delete(this);
    getShell().pages.delete(this.webContents);
    this.emit('closed');
    // Later: listeners of `destroyed` and `closed` still have their turn.
    setImmediate(() => app.onWindowClosed());
  }
}

function parseColor(text: string): Color {
  const digits = /^#([0-9a-f]{6})$/i.exec(text)?.[1];
  if (!digits) throw new Error(`stand-in: backgroundColor '${text}' must be written #rrggbb`);
  const [r = 0, g = 0, b = 0] = Buffer.from(digits, 'hex');
  return { r, g, b };
}

function getSession({ session: given, partition }: Electron.WebPreferences): Session {
  if (given instanceof Session) return given;
  return partition === undefined ? session.defaultSession : session.fromPartition(partition);
}

/** The stand-in runs pages as a hardened application does, and no other way. */
function assertSecure(preferences: Electron.WebPreferences): void {
  const insecure = [
    preferences.nodeIntegration === true && 'nodeIntegration: true',
    preferences.contextIsolation === false && 'contextIsolation: false',
    preferences.sandbox === false && 'sandbox: false',
    preferences.webSecurity === false && 'webSecurity: false',
  ].filter((text) => text !== false);
  if (insecure.length > 0) throw new Error(`stand-in: insecure webPreferences (${insecure.join(', ')})`);
}
