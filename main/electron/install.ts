import { app, type Event, type Session, type WebContents } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { AttachedWindows, AttachOptions } from './attached-windows.ts';

export interface InstallOptions extends Pick<AttachOptions, 'keep'> {
  /**
   * Names a window, and so finds its own shard; asked once, when the code that opened the window has run to its next `await`.
   * Default: `window-1`, `window-2`, …, the lowest number no open window has.
   */
  readonly name?: (contents: WebContents) => string;
}

const PRELOAD_ID = 'deskcache';

/** Neither developer tools and extensions, which are nobody's page, nor the guests of a `<webview>`, which are strangers. */
const WINDOWS: readonly string[] = ['window', 'browserView', 'offscreen'] satisfies ReturnType<
  WebContents['getType']
>[];

/**
 * Attaches every window of a session that is opened from now on, and gives its pages the preload script. Answers the way out.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a session that has it already.
 */
export function install(
  session: Session,
  { name, keep = 'forever' }: InstallOptions,
  preloadPath: string,
  attached: AttachedWindows,
): () => void {
  if (session.getPreloadScripts().some(({ id }) => id === PRELOAD_ID)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      'deskcache is installed in this session already. Call the function that the first host.install returned, then install again',
    );
  }
  const detaching = new Map<WebContents, (why: string) => void>();

  function onCreated(_event: Event, contents: WebContents): void {
    if (contents.session !== session || !WINDOWS.includes(contents.getType())) return;
    // Electron is still making the window: a moment later it can be asked about, and has been attached by name or not.
    queueMicrotask(() => attachUnlessNamed(contents));
  }

  function attachUnlessNamed(contents: WebContents): void {
    if (!installed || contents.isDestroyed() || attached.has(contents)) return;
    try {
      detaching.set(contents, attached.attach(contents, { ...(name && { name: name(contents) }), keep }));
      contents.once('destroyed', () => detaching.delete(contents));
    } catch (error) {
      // The window goes on without a cache; who opened it is not here to be told.
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }

  let installed = true;
  session.registerPreloadScript({ type: 'frame', filePath: preloadPath, id: PRELOAD_ID });
  app.on('web-contents-created', onCreated);
  return () => {
    if (!installed) return;
    installed = false;
    app.off('web-contents-created', onCreated);
    session.unregisterPreloadScript(PRELOAD_ID);
    for (const detach of detaching.values()) detach('deskcache was taken out of this session');
  };
}

/**
 * Warns when a window fails to load the preload script because the file is missing. `host.attach` itself doesn't throw: a window may have
 * the handshake in a preload script of its own, and need no file. Returns a function that stops watching.
 */
export function warnOfMissingPreload(contents: WebContents, preloadPath: string, message: string): () => void {
  const onError = (_event: Event, path: string) => {
    if (path === preloadPath) process.emitWarning(message);
  };
  contents.on('preload-error', onError);
  return () => {
    if (!contents.isDestroyed()) contents.off('preload-error', onError);
  };
}
