import type { BrowserWindow } from './browser-window.ts';

/** Windows that are not closed yet, oldest first. */
export const openWindows = new Set<BrowserWindow>();
