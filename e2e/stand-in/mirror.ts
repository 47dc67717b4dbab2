import type * as Electron from 'electron';
import type { BrowserWindow } from './main/browser-window.ts';
import type { MessagePortMain } from './main/message-port-main.ts';
import type { Session } from './main/session.ts';
import type { UtilityProcess } from './main/utility-process.ts';
import type { WebContents } from './main/web-contents.ts';
import type { WebFrameMain } from './main/web-frame-main.ts';

/** Electron's class, replaced by the one that stands in for it. */
type Ours<V> = V extends Electron.MessagePortMain[]
  ? MessagePortMain[]
  : V extends Electron.WebFrameMain[]
    ? WebFrameMain[]
    : V extends Electron.MessagePortMain
      ? MessagePortMain
      : V extends Electron.WebFrameMain
        ? WebFrameMain
        : V extends Electron.WebContents
          ? WebContents
          : V extends Electron.BrowserWindow
            ? BrowserWindow
            : V extends Electron.Session
              ? Session
              : V extends Electron.UtilityProcess
                ? UtilityProcess
                : V;

/**
 * The members `K` of Electron's class `T` with Electron's own signatures. A class that `implements` it does not compile
 * when Electron's `d.ts` says otherwise.
 */
export type Mirror<T, K extends keyof T> = {
  [P in K]: T[P] extends (...args: infer A) => infer R
    ? (...args: { [I in keyof A]: Ours<A[I]> }) => Ours<R>
    : Ours<T[P]>;
};
