import type * as Electron from 'electron';
import { strictly } from '../strict.ts';
import { openWindows } from './open-windows.ts';
import type { WebContents } from './web-contents.ts';

const face: Record<keyof Pick<typeof Electron.webContents, 'getAllWebContents'>, () => WebContents[]> = {
  getAllWebContents: () => [...openWindows].map((window) => window.webContents),
};

/** Contents of windows; the stand-in has no others. */
export const webContents = strictly('webContents', face);
