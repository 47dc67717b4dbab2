import type * as Electron from 'electron';
import type { ElectronMembers } from '../type-conformance.ts';
import { assertKnownOptions } from '../unknown-member-guard.ts';

export type ProtocolMembers = ElectronMembers<Electron.Protocol, 'handle' | 'unhandle' | 'isProtocolHandled'>;
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

/** Chromium's own schemes that an application may answer itself. */
const BUILT_IN: ReadonlySet<string> = new Set(['http', 'https']);

/** The custom schemes of the application, whose privileges are fixed before `ready`, and which of Chromium's own it has a say in. */
export class Schemes {
  readonly #privileges = new Map<string, Electron.Privileges>();
  readonly #intercepted = new Set<string>();
  #onIntercepted = () => {};
  #sealed = false;

  /** Nothing can be registered any more: the application is ready. */
  seal(): void {
    this.#sealed = true;
  }

  get isSealed(): boolean {
    return this.#sealed;
  }

  register(schemes: readonly Electron.CustomScheme[]): void {
    if (this.#sealed) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
    if (this.#privileges.size > 0)
      throw new Error('stand-in: registerSchemesAsPrivileged works once; a second call replaces the first');
    for (const { scheme, privileges = {} } of schemes) {
      assertKnownOptions('registerSchemesAsPrivileged', privileges, PRIVILEGES);
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

  /** Of Chromium's own schemes those that some session has handled. */
  get intercepted(): ReadonlySet<string> {
    return this.#intercepted;
  }

  /** Schemes that pages may fetch, true: from other origins too. The others fail in `fetch` as they do in Electron. */
  get fetchable(): Readonly<Record<string, boolean>> {
    const may = [...this.#privileges].filter(([, { supportFetchAPI }]) => supportFetchAPI);
    return Object.fromEntries(may.map(([scheme, { corsEnabled = false }]) => [scheme, corsEnabled]));
  }

  /** Whether other origins may read what a scheme answers. */
  allowsCors(scheme: string): boolean {
    return BUILT_IN.has(scheme) || this.#privileges.get(scheme)?.corsEnabled === true;
  }

  /** @throws Error for a scheme that can't be handled. */
  claim(scheme: string): void {
    if (!this.#sealed) throw new Error('protocol.handle needs a ready app: await app.whenReady()');
    if (BUILT_IN.has(scheme)) {
      if (this.#intercepted.has(scheme)) return;
      this.#intercepted.add(scheme);
      this.#onIntercepted();
    } else if (!this.#privileges.has(scheme)) {
      throw new Error(`stand-in: scheme '${scheme}' was not registered as privileged`);
    }
  }

  /** Calls `listener` when one more of Chromium's own schemes is handled. */
  onIntercepted(listener: () => void): void {
    this.#onIntercepted = listener;
  }
}

export const schemes = new Schemes();

/** Who answers for which scheme in one session; handlers come and go. */
export class SchemeHandlers implements ProtocolMembers {
  readonly #intercepted = new Map<string, SchemeHandler>();
  #registered: ReadonlyMap<string, SchemeHandler> = new Map();

  /** Those of custom schemes, as they are now: the map is not changed later. */
  get registered(): ReadonlyMap<string, SchemeHandler> {
    return this.#registered;
  }

  /** Whether a scheme is one of Chromium's own that is handled here. */
  intercepts(scheme: string): boolean {
    return this.#intercepted.has(scheme);
  }

  find(scheme: string): SchemeHandler | undefined {
    return this.#intercepted.get(scheme) ?? this.#registered.get(scheme);
  }

  handle(scheme: string, handler: SchemeHandler): void {
    if (this.isProtocolHandled(scheme)) throw new Error(`Failed to register protocol: ${scheme}`);
    schemes.claim(scheme);
    if (BUILT_IN.has(scheme)) this.#intercepted.set(scheme, handler);
    else this.#registered = new Map([...this.#registered, [scheme, handler]]);
  }

  unhandle(scheme: string): void {
    if (!this.isProtocolHandled(scheme)) throw new Error(`Failed to unhandle protocol: ${scheme}`);
    this.#intercepted.delete(scheme);
    this.#registered = new Map([...this.#registered].filter(([name]) => name !== scheme));
  }

  isProtocolHandled(scheme: string): boolean {
    return this.find(scheme) !== undefined;
  }
}
