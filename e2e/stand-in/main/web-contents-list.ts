import type * as Electron from 'electron';
import { guardMembers } from '../unknown-member-guard.ts';
import { openWindows } from './open-windows.ts';
import type { WebContents } from './web-contents.ts';

const members: Record<keyof Pick<typeof Electron.webContents, 'getAllWebContents'>, () => WebContents[]> = {
  getAllWebContents: () => [...openWindows].map((window) => window.webContents),
};

/** Contents of windows; the stand-in has no others. */
export const webContents = guardMembers('webContents', members);
