import type * as Electron from 'electron';
import type { BrowserWindow } from './main/browser-window.ts';
import type { PortMessage } from './main/channel.ts';
import type { MessagePortMain } from './main/message-port-main.ts';
import type { Session } from './main/session.ts';
import type { UtilityProcess } from './main/utility-process.ts';
import type { WebContents, WebContentsEvents } from './main/web-contents.ts';
import type { WebFrameMain } from './main/web-frame-main.ts';
import type { CancelableEvent } from './unknown-member-guard.ts';

/** Electron's class, replaced by the stand-in's. */
type ShimType<V> = V extends Electron.MessagePortMain[]
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
export type ElectronMembers<T, K extends keyof T> = {
  [P in K]: T[P] extends (...args: infer A) => infer R
    ? (...args: { [I in keyof A]: ShimType<A[I]> }) => ShimType<R>
    : ShimType<T[P]>;
};

/**
 * Electron's events carry what ours carry: each listener below takes our arguments and is accepted by Electron's own `on`.
 * Never called; it compiles or it does not. (Members are compared by this file.)
 */

type ElectronType<V> = V extends WebFrameMain
  ? Electron.WebFrameMain
  : V extends WebContents
    ? Electron.WebContents
    : V extends MessagePortMain
      ? Electron.MessagePortMain
      : V extends (...args: never[]) => unknown
        ? V
        : V extends object
          ? { [K in keyof V]: ElectronType<V[K]> }
          : V;

type ElectronListener<Name extends keyof WebContentsEvents> = (...args: ElectronType<WebContentsEvents[Name]>) => void;

export function checkWebContentsEvents(
  contents: Electron.WebContents,
  listeners: { [Name in keyof WebContentsEvents]: ElectronListener<Name> },
) {
  contents.on('did-start-navigation', listeners['did-start-navigation']);
  contents.on('will-frame-navigate', listeners['will-frame-navigate']);
  contents.on('did-redirect-navigation', listeners['did-redirect-navigation']);
  contents.on('will-navigate', listeners['will-navigate']);
  contents.on('did-frame-navigate', listeners['did-frame-navigate']);
  contents.on('did-navigate', listeners['did-navigate']);
  contents.on('did-navigate-in-page', listeners['did-navigate-in-page']);
  contents.on('dom-ready', listeners['dom-ready']);
  contents.on('did-finish-load', listeners['did-finish-load']);
  contents.on('did-fail-provisional-load', listeners['did-fail-provisional-load']);
  contents.on('did-fail-load', listeners['did-fail-load']);
  contents.on('render-process-gone', listeners['render-process-gone']);
  contents.on('destroyed', listeners.destroyed);
}

export function checkOtherEvents(
  app: Electron.App,
  window: Electron.BrowserWindow,
  port: Electron.MessagePortMain,
  utility: Electron.UtilityProcess,
  listener: (event: CancelableEvent) => void,
) {
  app.on('before-quit', listener).on('will-quit', listener);
  app.on('quit', (_event: CancelableEvent, _exitCode: number) => {});
  app.on('web-contents-created', (_event: CancelableEvent, _contents: ElectronType<WebContents>) => {});
  window.on('close', listener).on('closed', () => {});
  window.on('ready-to-show', () => {});
  port.on('message', (_event: { data: PortMessage['data']; ports: ElectronType<MessagePortMain>[] }) => {});
  port.on('close', () => {});
  utility.on('spawn', () => {}).on('message', (_message: unknown) => {});
  utility.on('exit', (_code: number) => {});
  utility.on('error', (_type: 'FatalError', _location: string, _report: string) => {});
  process.parentPort.on(
    'message',
    (_event: { data: PortMessage['data']; ports: ElectronType<MessagePortMain>[] }) => {},
  );
}
