/**
 * Electron's events carry what ours carry: each listener below takes our arguments and is accepted by Electron's own `on`.
 * Never called; it compiles or it does not. (Members are compared by `mirror.ts`.)
 */
import type * as Electron from 'electron';
import type { Message } from './main/channel.ts';
import type { MessagePortMain } from './main/message-port-main.ts';
import type { WebContents, WebContentsEvents } from './main/web-contents.ts';
import type { WebFrameMain } from './main/web-frame-main.ts';
import type { Cancelable } from './strict.ts';

type Theirs<V> = V extends WebFrameMain
  ? Electron.WebFrameMain
  : V extends WebContents
    ? Electron.WebContents
    : V extends MessagePortMain
      ? Electron.MessagePortMain
      : V extends (...args: never[]) => unknown
        ? V
        : V extends object
          ? { [K in keyof V]: Theirs<V[K]> }
          : V;

type Listener<Name extends keyof WebContentsEvents> = (...args: Theirs<WebContentsEvents[Name]>) => void;

export function compareEvents(
  contents: Electron.WebContents,
  heard: { [Name in keyof WebContentsEvents]: Listener<Name> },
) {
  contents.on('did-start-navigation', heard['did-start-navigation']);
  contents.on('will-frame-navigate', heard['will-frame-navigate']);
  contents.on('did-redirect-navigation', heard['did-redirect-navigation']);
  contents.on('will-navigate', heard['will-navigate']);
  contents.on('did-frame-navigate', heard['did-frame-navigate']);
  contents.on('did-navigate', heard['did-navigate']);
  contents.on('did-navigate-in-page', heard['did-navigate-in-page']);
  contents.on('dom-ready', heard['dom-ready']);
  contents.on('did-finish-load', heard['did-finish-load']);
  contents.on('did-fail-provisional-load', heard['did-fail-provisional-load']);
  contents.on('did-fail-load', heard['did-fail-load']);
  contents.on('render-process-gone', heard['render-process-gone']);
  contents.on('destroyed', heard.destroyed);
}

export function compareOthers(
  app: Electron.App,
  window: Electron.BrowserWindow,
  port: Electron.MessagePortMain,
  utility: Electron.UtilityProcess,
  heard: (event: Cancelable) => void,
) {
  app.on('before-quit', heard).on('will-quit', heard);
  app.on('quit', (_event: Cancelable, _exitCode: number) => {});
  app.on('web-contents-created', (_event: Cancelable, _contents: Theirs<WebContents>) => {});
  window.on('close', heard).on('closed', () => {});
  window.on('ready-to-show', () => {});
  port.on('message', (_event: { data: Message['data']; ports: Theirs<MessagePortMain>[] }) => {});
  port.on('close', () => {});
  utility.on('spawn', () => {}).on('message', (_message: unknown) => {});
  utility.on('exit', (_code: number) => {});
  utility.on('error', (_type: 'FatalError', _location: string, _report: string) => {});
  process.parentPort.on('message', (_event: { data: Message['data']; ports: Theirs<MessagePortMain>[] }) => {});
}
