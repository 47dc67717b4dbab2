import { join } from 'node:path';
import type { CdpConnection, CdpSession } from '../chromium/cdp.ts';
import { findChromium } from '../chromium/find-chromium.ts';
import { type Chromium, startChromium } from '../chromium/start-chromium.ts';
import { bundleScripts, createMainWorldScript, createPreloadScript } from '../page/bundle-scripts.ts';
import { fromChromiumUrl } from '../scheme-mapping.ts';
import type { PageScripts } from './frame-tree.ts';
import { type Schemes, schemes } from './protocol.ts';
import { SchemeServer } from './scheme-server.ts';
import { endSessions, findSessionByContext, type Session, session, startSessions } from './session.ts';
import type { PageOptions, WebContents } from './web-contents.ts';
import type { WebFrameMain } from './web-frame-main.ts';

/** What windows need of the running Chromium. */
export interface ShimShell {
  readonly connection: CdpConnection;
  readonly browser: CdpSession;
  readonly schemes: Schemes;
  readonly pages: Set<WebContents>;
  scripts(preloads: readonly string[], inSubframes: boolean): PageScripts;
  createPage(options: PageOptions): Promise<{ targetId: string }>;
  showPage(targetId: string): Promise<void>;
  close(): Promise<void>;
}

const EXIT_REASONS = {
  normal: 'clean-exit',
  abnormal: 'abnormal-exit',
  killed: 'killed',
  crashed: 'crashed',
  oom: 'oom',
} as const;

/** A worker that doesn't belong to one page: a shared worker or a service worker. */
interface WorkerTarget {
  readonly session: Session;
  readonly origin: string;
}

let running: ShimShell | undefined;

/** @throws Error before the application is ready, as `new BrowserWindow` does in Electron. */
export function getShell(): ShimShell {
  if (!running) throw new Error('Cannot create BrowserWindow before app is ready');
  return running;
}

export interface ShellOptions {
  readonly userData: string;
  readonly switches: readonly string[];
  /** Chromium ended by itself: its last window was closed, or it crashed. */
  readonly onGone: () => void;
}

/**
 * Starts Chromium for this process. `STAND_IN_VISIBLE=0` keeps windows off the display, `STAND_IN_DEVTOOLS=1` opens the
 * endpoint that Playwright connects to.
 */
export async function startShell({ userData, switches, onGone }: ShellOptions): Promise<void> {
  const wantVisible = process.env['STAND_IN_VISIBLE'] !== '0';
  const [found, code] = await Promise.all([findChromium(wantVisible), bundleScripts()]);
  const devtools = process.env['STAND_IN_DEVTOOLS'] === '1';
  const chromium = await startChromium({ found, profile: join(userData, 'Chromium'), devtools, switches });
  const { connection } = chromium;
  const pages = new Set<WebContents>();
  const pageOf = (frameId: string) => [...pages].find((page) => page.owns(frameId));
  const workers = new Map<string, WorkerTarget>();
  const server = new SchemeServer(schemes, {
    allows: (frameId, url) => pageOf(frameId)?.allows(frameId, url) ?? false,
    navigator: (frameId) => getNavigatorUrl(pageOf(frameId), frameId),
    asker: (frameId) => getOrigin(pageOf(frameId)?.frame(frameId)) ?? workers.get(frameId)?.origin,
    handlers: (frameId) =>
      (pageOf(frameId)?.session ?? workers.get(frameId)?.session ?? session.defaultSession).handlers,
  });
  await server.start(connection.browser);
  startSessions({ browser: connection.browser, storagePath: userData });
  await watchTargets(connection.browser, pages, workers);
  running = {
    connection,
    browser: connection.browser,
    schemes,
    pages,
    scripts: (preloads, inSubframes) => {
      const preload = createPreloadScript(preloads, inSubframes);
      const surface = createMainWorldScript(code.surface, schemes.fetchable);
      return { agent: code.agent, surface, preload, sendsSync: preload.includes('sendSync') };
    },
    createPage: async ({ session, ...wanted }) => {
      const context = await session.context();
      await refuseDownloads(connection.browser, context);
      return chromium.createPage({ ...wanted, context });
    },
    showPage: chromium.showPage,
    close: () => closeAll(chromium, server),
  };
  void chromium.gone.then(onGone);
}

/** A download is cancelled, as where a listener of `will-download` prevents it; nothing is written to anybody's folder. */
async function refuseDownloads(browser: CdpSession, context: string | undefined): Promise<void> {
  const which = context === undefined ? {} : { browserContextId: context };
  await browser.send('Browser.setDownloadBehavior', { behavior: 'deny', ...which });
}

async function closeAll(chromium: Chromium, server: SchemeServer): Promise<void> {
  // A Chromium that is gone has no cookies any more.
  await endSessions().catch(() => {});
  await chromium.close();
  server.stop();
}

async function watchTargets(
  browser: CdpSession,
  pages: ReadonlySet<WebContents>,
  workers: Map<string, WorkerTarget>,
): Promise<void> {
  const owner = (targetId: string) => [...pages].find((page) => page.owns(targetId));
  browser.on('Target.targetCrashed', ({ targetId, status, errorCode }) => {
    owner(targetId)?.onCrash(targetId, EXIT_REASONS[status as keyof typeof EXIT_REASONS] ?? 'crashed', errorCode);
  });
  browser.on('Target.targetCreated', ({ targetInfo: { targetId, type, url, browserContextId } }) => {
    if (!/worker$/.test(type)) return;
    const origin = URL.canParse(url) ? fromChromiumUrl(new URL(url).origin) : 'null';
    void findSessionByContext(browserContextId).then((it) => workers.set(targetId, { session: it, origin }));
  });
  browser.on('Target.targetDestroyed', ({ targetId }) => {
    workers.delete(targetId);
    const page = owner(targetId);
    if (page?.isPage(targetId)) page.onClosed();
  });
  await browser.send('Target.setDiscoverTargets', { discover: true });
}

/** Undefined where no document is known. */
function getOrigin(frame: WebFrameMain | undefined): string | undefined {
  return frame === undefined || frame.isDestroyed() || frame.url === '' ? undefined : frame.origin;
}

/** A page that sends a frame elsewhere has an origin, if only an opaque one. */
function getNavigatorUrl(page: WebContents | undefined, frameId: string): string | undefined {
  const frame = page?.navigator(frameId);
  return frame === undefined ? undefined : (getOrigin(frame) ?? 'null');
}
