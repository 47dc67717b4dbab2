import { EventEmitter } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { listBackups } from '../../main/engine/backup/side-folders.ts';
import { Cache } from '../../main/engine/index.ts';
import { type HostOptions, openDiskCache, restore, type SafeStorage } from '../../main/index.ts';
import { testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque, fanout, index, settings } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { findPlaintext } from '../sealing/sealed-fixture.ts';

const electron = vi.hoisted(() => ({ app: {} as EventEmitter }));
vi.mock('electron', () => ({ app: electron.app, net: {}, protocol: { isProtocolHandled: () => false } }));
Object.assign(electron.app, new EventEmitter(), {
  whenReady: async () => {},
  isPackaged: true,
  getPath: () => directory,
  hasSingleInstanceLock: () => true,
});
Object.setPrototypeOf(electron.app, EventEmitter.prototype);

const MARKER = 'PLAINTEXT-MARKER';

/** A key store of a system: encrypts by inverting every bit, with the name of the user in front. */
class KeyStore implements SafeStorage {
  user = 'me';
  backend = 'gnome_libsecret';
  isAvailable = true;
  readonly calls: string[] = [];

  isEncryptionAvailable = () => this.isAvailable;
  getSelectedStorageBackend = () => this.backend;
  encryptString = (text: string) => {
    this.calls.push('encryptString');
    return Buffer.from(`${this.user}:${text}`).map((byte) => ~byte & 0xff) as Buffer;
  };
  decryptString = (encrypted: Buffer) => {
    this.calls.push('decryptString');
    const text = Buffer.from(encrypted.map((byte) => ~byte & 0xff)).toString();
    if (!text.startsWith(`${this.user}:`)) throw new Error('Error while decrypting the ciphertext');
    return text.slice(this.user.length + 1);
  };
}

const stores = defineStores({
  api: cache<string, string>({ sealed: true }),
  many: fanout<string, string>({ shards: 2, sealed: true }),
  notes: index<string, string>({ sealed: true }),
  log: deque<string>({ sealed: true }),
  config: settings({ defaults: { token: '' }, sealed: true }),
  open: cache<string, string>(),
});

let directory: string;
let keyStore: KeyStore;

beforeEach(() => {
  directory = freshDirectory();
  keyStore = new KeyStore();
});

const open = (options: Partial<HostOptions<typeof stores, 'main'>> = {}) =>
  openDiskCache({ stores, directory, seal: keyStore, ...options });
type OpenHost = Awaited<ReturnType<typeof open>>;

function fill({ stores: { api, many, notes, log, config } }: OpenHost): void {
  api.set('k', MARKER);
  many.set('k', MARKER);
  notes.set('k', MARKER);
  log.push(MARKER);
  config.set('token', MARKER);
}

const read = ({ stores: { api, many, notes, log, config } }: OpenHost) => [
  api.get('k'),
  many.get('k'),
  notes.get('k'),
  log.at(0),
  config.get('token'),
];

const errorWithCode = (code: string, message: RegExp = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

const keyFile = () => join(directory, '_seal.json');
const countKeys = (): number => JSON.parse(readFileSync(keyFile(), 'utf8')).keys.length;

describe('a host with sealed stores', () => {
  it('opens them again with the key that the system keeps, and leaves no plaintext', async () => {
    const host = await open({ windows: { sealed: true }, caches: { sealed: true } });
    fill(host);
    host.queue('mail', { sealed: true }).enqueue(MARKER);
    await host.close();
    expect(findPlaintext(directory, MARKER)).toEqual([]);
    const again = await open({ windows: { sealed: true } });
    expect(read(again)).toEqual(Array(5).fill(MARKER));
    expect(again.queue('mail', { sealed: true }).counts().ready).toBe(1);
    await again.close();
    expect(countKeys()).toBe(1);
  });

  it('leaves the others as they are', async () => {
    const host = await open();
    host.stores.open.set('k', MARKER);
    await host.close();
    using cache = new Cache(join(directory, 'open'));
    expect(cache.get('k')).toBe(MARKER);
    expect(() => new Cache(join(directory, 'api'))).toThrow(errorWithCode('WRONG_KEY'));
  });

  it('needs the option `seal`', async () => {
    const { seal: _, ...without } = { stores, directory, seal: keyStore };
    const message = /Store "api" has sealed: true; give its key to the host: openDiskCache\({ seal: safeStorage/;
    await expect(openDiskCache(without)).rejects.toEqual(errorWithCode('BAD_OPTION', message));
    await expect(open({ seal: {} as never })).rejects.toEqual(errorWithCode('BAD_OPTION', /seal .*safeStorage/));
    expect(existsSync(join(directory, 'api'))).toBe(false);
    const host = await openDiskCache({ stores: {}, directory });
    expect(() => host.queue('mail', { sealed: true })).toThrow(errorWithCode('BAD_OPTION', /Queue "mail"/));
    await expect(host.rotateSealKey()).rejects.toEqual(errorWithCode('BAD_OPTION', /seal/));
    await host.close();
  });

  it('never keeps a readable key, unless it is told to', async () => {
    keyStore.backend = 'basic_text';
    await expect(open()).rejects.toEqual(errorWithCode('NOT_ALLOWED', /basic_text.*allowPlainTextKey/));
    expect(readdirSync(directory)).toEqual([]);
    const host = await open({ allowPlainTextKey: true });
    fill(host);
    await host.close();
    expect(countKeys()).toBe(1);
  });

  it('changes nothing while the key store is not available, or belongs to another user', async () => {
    const host = await open();
    fill(host);
    await host.close();
    keyStore.isAvailable = false;
    await expect(open()).rejects.toEqual(errorWithCode('IO', /isEncryptionAvailable/));
    keyStore.isAvailable = true;
    keyStore.user = 'other';
    await expect(open()).rejects.toEqual(errorWithCode('WRONG_KEY', /_seal.json.*another user/));
    keyStore.user = 'me';
    const again = await open();
    expect(read(again)).toEqual(Array(5).fill(MARKER));
    await again.close();
  });

  it('says what is lost with its file of keys, and makes no new one beside sealed stores', async () => {
    const host = await open();
    fill(host);
    await host.close();
    const kept = readFileSync(keyFile());
    for (const content of ['', '{}', '{"format":1,"keys":[]}', '{"format":1,"keys":["AAAA"]}', '[1]']) {
      writeFileSync(keyFile(), content);
      await expect(open()).rejects.toEqual(
        expect.objectContaining({ code: expect.stringMatching(/CORRUPT|WRONG_KEY/) }),
      );
    }
    writeFileSync(keyFile(), '{"format":2}');
    await expect(open()).rejects.toEqual(errorWithCode('UNSUPPORTED_VERSION'));
    rmSync(keyFile());
    await expect(open()).rejects.toEqual(errorWithCode('CORRUPT', /missing/));
    writeFileSync(keyFile(), kept);
    const again = await open();
    expect(read(again)).toEqual(Array(5).fill(MARKER));
    await again.close();
  });

  it('uses the newer methods of safeStorage where they exist, and encrypts its keys again when asked', async () => {
    let shouldReEncrypt = false;
    const asynchronous: SafeStorage = Object.assign(keyStore, {
      isAsyncEncryptionAvailable: async () => true,
      encryptStringAsync: async (text: string) => {
        keyStore.calls.push('encryptStringAsync');
        return Buffer.from(`async:${text}`);
      },
      decryptStringAsync: async (encrypted: Buffer) => {
        keyStore.calls.push('decryptStringAsync');
        return { result: encrypted.toString().slice('async:'.length), shouldReEncrypt };
      },
    });
    keyStore.isAvailable = false;
    for (const isDue of [false, true]) {
      shouldReEncrypt = isDue;
      const host = await open({ seal: asynchronous });
      fill(host);
      expect(read(host)).toEqual(Array(5).fill(MARKER));
      await host.close();
    }
    expect(keyStore.calls).toEqual(['encryptStringAsync', 'decryptStringAsync', 'encryptStringAsync']);
  });

  it('seals in the background what a store held before it was declared as sealed', async () => {
    using plain = new Cache(join(directory, 'api'));
    plain.set('k', MARKER);
    plain.close();
    const late = defineStores({ api: cache<string, string>({ sealed: true, encryptExisting: true }) });
    const host = await openDiskCache({ stores: late, directory, seal: keyStore });
    expect(host.stores.api.get('k')).toBe(MARKER);
    await vi.waitFor(() => expect(findPlaintext(directory, MARKER)).toEqual([]), { timeout: 30_000, interval: 50 });
    expect(host.stores.api.get('k')).toBe(MARKER);
    await host.close();
  });
});

describe('rotateSealKey', () => {
  it('seals every store with a new key, and forgets the old one when no store needs it', async () => {
    const host = await open({ windows: { sealed: true } });
    fill(host);
    host.queue('mail', { sealed: true }).enqueue(MARKER);
    const steps: number[] = [];
    expect(await host.rotateSealKey({ onProgress: ({ done }) => steps.push(done) })).toEqual({ items: 6, damaged: 0 });
    expect(read(host)).toEqual(Array(5).fill(MARKER));
    // The queue still needs it.
    expect(countKeys()).toBe(2);
    await host.close();
    const again = await open();
    expect(read(again)).toEqual(Array(5).fill(MARKER));
    expect(again.queue('mail', { sealed: true }).counts().ready).toBe(1);
    await again.close();
  });

  it('goes on when the application is started again', async () => {
    const host = await open();
    fill(host);
    for (let n = 0; n < 500; n++) host.stores.api.set(`${n}`, MARKER.repeat(100));
    const stopping = new AbortController();
    const onProgress = () => stopping.abort(new Error('stopped'));
    await expect(host.rotateSealKey({ onProgress, signal: stopping.signal })).rejects.toThrow('stopped');
    await host.close();
    expect(countKeys()).toBe(2);
    const again = await open();
    expect(read(again)).toEqual(Array(5).fill(MARKER));
    await vi.waitFor(() => expect(countKeys()).toBe(1), { timeout: 30_000, interval: 50 });
    expect(read(again)).toEqual(Array(5).fill(MARKER));
    expect(again.stores.api.get('499')).toBe(MARKER.repeat(100));
    await again.close();
  });
});

describe('a test host', () => {
  it('opens sealed stores with a key of its own', async () => {
    await using host = await testHost({ stores, directory });
    host.host.stores.api.set('k', MARKER);
    expect(host.host.stores.api.get('k')).toBe(MARKER);
    expect(findPlaintext(join(directory, 'api'), MARKER)).toEqual([]);
  });

  it('has its keys in the backups that it makes by itself', async () => {
    const filled = await open();
    fill(filled);
    await filled.close();
    const host = await open({ backup: { every: '1d' } });
    const findBackup = () => listBackups(directory).map((name) => join(directory, '_backups', name))[0];
    await vi.waitFor(() => expect(findBackup()).toBeDefined(), { timeout: 20_000 });
    await host.close();
    const elsewhere = join(freshDirectory(), 'deskcache');
    await restore(findBackup()!, elsewhere);
    const restored = await open({ directory: elsewhere });
    expect([restored.stores.notes.get('k'), restored.stores.config.get('token')]).toEqual([MARKER, MARKER]);
    await restored.close();
  });
});
