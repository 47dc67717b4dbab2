import { randomUUID } from 'node:crypto';
import type * as Electron from 'electron';
import type { Mirror } from '../mirror.ts';
import { onlyKnown, Strict, strictly } from '../strict.ts';
import { protocol } from './protocol.ts';

type Implemented = 'registerPreloadScript' | 'unregisterPreloadScript' | 'getPreloadScripts';

/** The one session there is. Its storage is Chromium's profile in the application's user data directory. */
export class Session extends Strict implements Mirror<Electron.Session, Implemented> {
  readonly protocol = protocol;
  readonly #preloads = new Map<string, Electron.PreloadScript>();

  /** Runs in windows made from now on, before the window's own preload. */
  registerPreloadScript(script: Electron.PreloadScriptRegistration): string {
    onlyKnown('session.registerPreloadScript', script, ['type', 'filePath', 'id']);
    if (script.type !== 'frame')
      throw new Error(`stand-in: preload scripts of type '${script.type}' are not implemented`);
    const { type, filePath, id = randomUUID() } = script;
    if (this.#preloads.has(id)) throw new Error(`Cannot register preload script with existing ID '${id}'`);
    this.#preloads.set(id, { type, filePath, id });
    return id;
  }

  unregisterPreloadScript(id: string): void {
    if (!this.#preloads.delete(id)) throw new Error(`No preload script has the id ${id}`);
  }

  getPreloadScripts(): Electron.PreloadScript[] {
    return [...this.#preloads.values()];
  }
}

export const session = strictly('session', { defaultSession: new Session() });
