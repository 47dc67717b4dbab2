import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Client } from '../../client/client.ts';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { FULL_GRANT, type Grant } from '../../main/bridge/grant.ts';
import type { Principal } from '../../main/bridge/principal.ts';
import { openSession, type PageSession, SharedSessionState } from '../../main/bridge/session.ts';
import type { Cache } from '../../main/engine/index.ts';
import { Registry } from '../../main/engine/registry.ts';
import { Queues } from '../../main/queue/queues.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, parseQueueAddress, type StoreDeclarations, WINDOW_STORE } from '../../protocol/stores.ts';
import { DiskCache, type DiskCacheOptions } from '../../renderer-api/disk-cache.ts';

export interface BridgeFixture {
  readonly diskCache: DiskCache;
  readonly registry: Registry;
  /** As `host.queue`. */
  readonly queues: Queues;
  /** A cache of the main process, by its name. */
  cacheInMain(name: string): Cache;
  readonly lobby: SharedSessionState;
  /** One for each time the client connected. */
  readonly sessions: readonly PageSession[];
  /** Another page of the same main process. */
  anotherPage(): DiskCache;
  /** What one operation comes to on a session of its own, past the client: its value. */
  callOnNewSession(store: string, method: string, ...args: unknown[]): Promise<unknown>;
  /** Turns a bit of every value file of a store. */
  damageFiles(name: string): void;
  /** What carries calls, on a session of its own. */
  anotherClient(): Client;
  /** A raw port to a session of its own, as a hostile page would use it. */
  rawPort(grant?: Grant, principal?: Principal): MessagePort;
  [Symbol.dispose](): void;
}

export interface BridgeFixtureOptions extends DiskCacheOptions {
  readonly stores?: StoreDeclarations;
  readonly grant?: Grant;
  /** What pages have as their window's own. */
  readonly windowShard?: () => Cache;
}

/** Client, gate, session and engine in one process, over real message ports and without a window. */
export function openBridge({
  stores = { api: cache() },
  grant = FULL_GRANT,
  windowShard,
  ...options
}: BridgeFixtureOptions = {}): BridgeFixture {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-bridge-'));
  const registry = new Registry(directory, stores);
  const sessions: PageSession[] = [];
  const lobby = new SharedSessionState();
  const ports: MessagePort[] = [];
  const queues = new Queues(join(directory, '_queues'));
  const find = (name: string) => {
    const queue = parseQueueAddress(name);
    if (queue !== undefined) return queues.findOpen(queue);
    return name === WINDOW_STORE && windowShard ? windowShard() : registry.get(name);
  };

  function rawPort(granted: Grant = grant, principal?: Principal): MessagePort {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const session = openSession(port1 as never, granted, find, lobby, principal);
    sessions.push(session);
    port1.once('close', () => session.close(new DiskCacheError('DISCONNECTED', 'The page closed its port')));
    return port2;
  }

  const connect = async () => rawPort() as unknown as MessagePortLike;
  const pages: DiskCache[] = [];
  const openPage = () => {
    const page = new DiskCache(connect, options);
    pages.push(page);
    return page;
  };
  return {
    diskCache: openPage(),
    registry,
    queues,
    lobby,
    cacheInMain: (name) => registry.get(name) as Cache,
    sessions,
    anotherPage: openPage,
    callOnNewSession: (store, method, ...args) => new Client(connect, 5000).call(store, method, args),
    anotherClient: () => new Client(connect, 5000),
    damageFiles(name) {
      const files = readdirSync(join(directory, name), { recursive: true, withFileTypes: true });
      for (const file of files.filter((entry) => entry.isFile() && !entry.name.startsWith('cache.db'))) {
        const path = join(file.parentPath, file.name);
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1]! ^= 1;
        writeFileSync(path, bytes);
      }
    },
    rawPort,
    [Symbol.dispose]() {
      for (const page of pages) page.disconnect();
      for (const port of ports) port.close();
      queues.close();
      registry.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
