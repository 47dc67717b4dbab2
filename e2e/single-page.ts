/** What applications of the end-to-end tests have in common: a page with `diskCache` in its hands, and the windows that it opens. */
import { readFile } from 'node:fs/promises';
import { BrowserWindow } from 'electron';

/** The page of an application and its script, which is that of the bridge; undefined for other addresses. */
export async function servePage(request: Request, title: string): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case '/':
      return new Response(
        `<!doctype html><title>${title}</title><script type="module" src="/page.js"></script><h1>${title}</h1>`,
        { headers: { 'content-type': 'text/html' } },
      );
    default:
      if (!SCRIPT_PATH.test(pathname)) return undefined;
      // Of the built application, all of which stand side by side.
      return new Response(await readFile(new URL(`../bridge${pathname}`, import.meta.url)), {
        headers: { 'content-type': 'text/javascript' },
      });
  }
}

/** The page's script, and the chunks that it loads on demand. */
const SCRIPT_PATH = /^\/page(-[\w-]+)?\.js$/;

/** Opens a window, and those that its page opens, each as `make` makes it. Resolves when the first one was loaded. */
export async function openWindow(url: string, make = (_url: string) => new BrowserWindow()): Promise<void> {
  const window = make(url);
  window.webContents.setWindowOpenHandler((details) => {
    void openWindow(details.url, make);
    return { action: 'deny' };
  });
  await window.loadURL(url);
}
