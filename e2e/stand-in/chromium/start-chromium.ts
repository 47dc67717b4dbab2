import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { openAppWindow, showWindow } from './app-window.ts';
import { CdpConnection } from './cdp.ts';
import type { ChromiumLocation } from './find-chromium.ts';
import type { WindowOptions } from './window-options.ts';

export interface ChromiumOptions {
  readonly found: ChromiumLocation;
  readonly profile: string;
  /** Opens the DevTools endpoint on a loopback port, for Playwright. */
  readonly devtools: boolean;
  /** Switches of `app.commandLine`. */
  readonly switches: readonly string[];
}

export interface Chromium {
  readonly connection: CdpConnection;
  /** Resolves when the process is gone, for whatever reason. */
  readonly gone: Promise<void>;
  /** A window of the size without tabs and address bar, on the display or nowhere. */
  createPage(wanted: WindowOptions): Promise<{ targetId: string }>;
  /** Shows a window that was made hidden, where windows are shown. */
  showPage(targetId: string): Promise<void>;
  /** Lets Chromium write its profile and waits until it is gone. */
  close(): Promise<void>;
}

const FEATURES_OFF = [
  'AutofillServerCommunication',
  'BackForwardCache', // off in Electron too
  'CertificateTransparencyComponentUpdater',
  'DialMediaRouteProvider',
  'InterestFeedContentSuggestions',
  'LocalNetworkAccessChecks', // a mapped scheme's bytes come from loopback
  'MediaRouter',
  'OptimizationHints',
  'Translate',
];

/** No traffic of its own, no first-run dialogs, nothing slowed down because a window is not seen. Web security stays as it is. */
const SWITCHES = [
  '--remote-debugging-pipe',
  '--no-startup-window',
  '--no-first-run',
  '--no-default-browser-check',
  '--no-pings',
  '--disable-background-networking',
  '--disable-breakpad',
  '--disable-client-side-phishing-detection',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-dev-shm-usage',
  '--disable-domain-reliability',
  '--disable-extensions',
  '--disable-field-trial-config',
  '--disable-sync',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--metrics-recording-only',
  '--password-store=basic',
  '--use-mock-keychain',
  '--blink-settings=allowScriptsToCloseWindows=true',
  '--allow-file-access-from-files', // so does Electron: shell/app/electron_main_delegate.cc
  '--enable-features=MessagePortCloseEvent', // Electron's ports have it: docs/tutorial/message-ports.md, "Extensions"
  `--disable-features=${FEATURES_OFF.join(',')}`,
  // Nothing but this machine can be reached: a stand-in for tests and demonstrations asks no name server.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]',
];

/**
 * Starts Chromium. It ends with this process however that dies, because its DevTools pipe ends then.
 * @throws Error with Chromium's own last words when it does not start.
 */
export async function startChromium(options: ChromiumOptions): Promise<Chromium> {
  const isRoot = process.getuid?.() === 0;
  try {
    return await start(options, isRoot ? ['--no-sandbox'] : []);
  } catch (error) {
    if (isRoot || !/sandbox/i.test(String(error))) throw error;
    console.error('stand-in: this machine gives Chromium no sandbox; it runs without');
    return start(options, ['--no-sandbox']);
  }
}

async function start(
  { found, profile, devtools, switches }: ChromiumOptions,
  extra: readonly string[],
): Promise<Chromium> {
  mkdirSync(profile, { recursive: true });
  const arguments_ = [
    ...SWITCHES,
    ...(found.visible ? [] : ['--headless', '--hide-scrollbars', '--disable-gpu']),
    ...(devtools ? ['--remote-debugging-port=0'] : []),
    `--user-data-dir=${profile}`,
    ...extra,
    ...switches,
  ];
  const env = { ...process.env, ...found.env };
  const child = spawn(found.path, arguments_, { env, stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  const lastWords = collectErrors(child);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const gone = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
  gone.then(() => process.off('exit', kill));
  const [out, incoming] = [child.stdio[3] as Writable, child.stdio[4] as unknown as Readable];
  const connection = new CdpConnection(out, incoming);
  try {
    await Promise.race([
      connection.browser.send('Browser.getVersion'),
      gone.then(() => Promise.reject(new Error('it ended at once'))),
    ]);
  } catch (error) {
    throw new Error(`Chromium did not start (${found.path}): ${lastWords() || (error as Error).message}`);
  }
  const close = async () => {
    connection.browser.send('Browser.close').catch(() => {});
    const deadline = setTimeout(kill, 5_000);
    await gone;
    clearTimeout(deadline);
  };
  const createPage = (options: WindowOptions) => {
    const { width, height, context } = options;
    if (context !== undefined) {
      const place = { url: 'about:blank', width, height, browserContextId: context, newWindow: found.visible };
      return connection.browser.send('Target.createTarget', place);
    }
    if (!found.visible) return connection.browser.send('Target.createTarget', { url: 'about:blank', width, height });
    return openAppWindow(connection.browser, options, (url) =>
      openInRunning(found, profile, [...extra, `--app=${url}`]),
    );
  };
  const showPage = async (targetId: string) => {
    if (found.visible) await showWindow(connection.browser, targetId);
  };
  return { connection, gone, createPage, showPage, close };
}

/** No bar across a window that warns of the switches above. */
const QUIET_SWITCH = '--test-type';

/** The running Chromium of the profile takes over what a second start asks for. */
function openInRunning(found: ChromiumLocation, profile: string, switches: readonly string[]): void {
  const env = { ...process.env, ...found.env };
  const child = spawn(found.path, [`--user-data-dir=${profile}`, QUIET_SWITCH, ...switches], { env, stdio: 'ignore' });
  child.once('error', () => {});
  child.unref();
}

/** Passes the DevTools endpoint on, everything when logging is asked for, and keeps the last line for an error message. */
function collectErrors(child: ChildProcess): () => string {
  let last = '';
  const all = process.env['ELECTRON_ENABLE_LOGGING'] !== undefined;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n').map((part) => part.trim())) {
      if (line === '') continue;
      if (!/dbus|DevTools listening/i.test(line)) last = line;
      if (all || line.startsWith('DevTools listening')) process.stderr.write(`${line}\n`);
    }
  });
  return () => last;
}
