import { randomUUID } from 'node:crypto';
import type { CdpSession } from './cdp.ts';
import type { WindowOptions } from './window-options.ts';

const OPEN_TIMEOUT_MS = 15_000;

/**
 * A window on the display that looks like an application's. DevTools can only open windows with tabs; `--app` on the command
 * line opens one without tabs, recognised here by a unique URL.
 * @throws Error when it does not appear within 15 s.
 */
export async function openAppWindow(
  browser: CdpSession,
  { width, height, hidden }: WindowOptions,
  open: (url: string) => void,
): Promise<{ targetId: string }> {
  const url = `data:text/html,${randomUUID()}`;
  const targetId = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no window within ${OPEN_TIMEOUT_MS} ms`)), OPEN_TIMEOUT_MS);
    const seen = ({ targetInfo }: { targetInfo: { targetId: string; url: string } }) => {
      if (targetInfo.url !== url) return;
      clearTimeout(late);
      browser.off('Target.targetCreated', seen).off('Target.targetInfoChanged', seen);
      resolve(targetInfo.targetId);
    };
    browser.on('Target.targetCreated', seen);
    browser.on('Target.targetInfoChanged', seen);
    open(url);
  });
  const { windowId } = await browser.send('Browser.getWindowForTarget', { targetId });
  await browser.send('Browser.setWindowBounds', { windowId, bounds: { width, height } });
  if (hidden) await browser.send('Browser.setWindowBounds', { windowId, bounds: { windowState: 'minimized' } });
  return { targetId };
}

/** Undoes `hidden`. */
export async function showWindow(browser: CdpSession, targetId: string): Promise<void> {
  const { windowId } = await browser.send('Browser.getWindowForTarget', { targetId });
  await browser.send('Browser.setWindowBounds', { windowId, bounds: { windowState: 'normal' } });
}
