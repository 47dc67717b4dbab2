import type * as Electron from 'electron';
import type { Mirror } from '../mirror.ts';
import { onlyKnown, strictly } from '../strict.ts';

type Implemented = 'handle' | 'unhandle' | 'isProtocolHandled';
export type SchemeHandler = Parameters<Electron.Protocol['handle']>[1];

const PRIVILEGES = [
  'standard',
  'secure',
  'bypassCSP',
  'allowServiceWorkers',
  'supportFetchAPI',
  'corsEnabled',
  'stream',
  'codeCache',
];

/** The custom schemes of the application: privileges fixed before `ready`, handlers that come and go. */
export class Schemes {
  readonly #privileges = new Map<string, Electron.Privileges>();
  readonly #handlers = new Map<string, SchemeHandler>();
  #sealed = false;

  /** Nothing can be registered any more: the application is ready. */
  seal(): void {
    this.#sealed = true;
  }

  register(schemes: readonly Electron.CustomScheme[]): void {
    if (this.#sealed) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
    if (this.#privileges.size > 0)
      throw new Error('stand-in: registerSchemesAsPrivileged works once; a second call replaces the first');
    for (const { scheme, privileges = {} } of schemes) {
      onlyKnown('registerSchemesAsPrivileged', privileges, PRIVILEGES);
      if (!/^[a-z][a-z0-9-]*$/.test(scheme))
        throw new Error(`stand-in: scheme '${scheme}' can't be part of a host name`);
      if (!privileges.standard || !privileges.secure) {
        throw new Error(
          `stand-in: scheme '${scheme}' must be standard and secure, as the https hosts are that it stands behind`,
        );
      }
      this.#privileges.set(scheme, privileges);
    }
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#privileges.keys());
  }

  /** Schemes that pages may fetch, true: from other origins too. The others fail in `fetch` as they do in Electron. */
  get fetchable(): Readonly<Record<string, boolean>> {
    const may = [...this.#privileges].filter(([, { supportFetchAPI }]) => supportFetchAPI);
    return Object.fromEntries(may.map(([scheme, { corsEnabled = false }]) => [scheme, corsEnabled]));
  }

  handler(scheme: string): SchemeHandler | undefined {
    return this.#handlers.get(scheme);
  }

  handle(scheme: string, handler: SchemeHandler): void {
    if (!this.#sealed) throw new Error('protocol.handle needs a ready app: await app.whenReady()');
    if (this.#handlers.has(scheme)) throw new Error(`Failed to register protocol: ${scheme}`);
    if (!this.#privileges.has(scheme)) throw new Error(`stand-in: scheme '${scheme}' was not registered as privileged`);
    this.#handlers.set(scheme, handler);
  }

  unhandle(scheme: string): void {
    if (!this.#handlers.delete(scheme)) throw new Error(`Failed to unhandle protocol: ${scheme}`);
  }
}

export const schemes = new Schemes();

const face: Mirror<Electron.Protocol, Implemented | 'registerSchemesAsPrivileged'> = {
  registerSchemesAsPrivileged: (list) => schemes.register(list),
  handle: (scheme, handler) => schemes.handle(scheme, handler),
  unhandle: (scheme) => schemes.unhandle(scheme),
  isProtocolHandled: (scheme) => schemes.handler(scheme) !== undefined,
};

export const protocol = strictly('protocol', face);
