/**
 * Why a page has no connection, and what to do. A file of its own, because a page loads it with the first failure.
 */
export const CONNECTION_FAILURES = {
  unanswered:
    'The main process did not answer. Is its host open, and was this window opened after host.install(session), or host.attach?',
  noWindow:
    'deskcache/renderer needs a page. Use host.stores in the main process, deskcache/engine in Node; a worker asks its page',
  noPreload:
    'No preload script of deskcache runs here. Open the window after host.install(session), or with preloadPath as webPreferences.preload; an iframe needs nodeIntegrationInSubFrames',
} as const;

export type ConnectionFailure = keyof typeof CONNECTION_FAILURES;
