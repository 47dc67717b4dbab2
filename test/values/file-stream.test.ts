import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checksum, ENCODING } from '../../main/engine/values/encoding.ts';
import { FileStore } from '../../main/engine/values/file-store.ts';
import { readFileAsStream, type StreamedFile, writeStreamToFile } from '../../main/engine/values/file-stream.ts';
import { DiskCacheError } from '../../protocol/error.ts';

let directory: string;
let store: FileStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'deskcache-streams-'));
  store = new FileStore(directory, 'process');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const LIMITS = { mode: ENCODING.bytes, maxBytes: 1_000_000, durability: 'process' } as const;
const DATA = crypto.getRandomValues(new Uint8Array(65_536)).slice(0, 65_000);
const WHOLE = new Uint8Array([...DATA, ...DATA, ...DATA]);
/** More than one chunk. */
const LONG = Uint8Array.from({ length: 780_000 }, (_, at) => at % 251);

async function* chunks(...parts: unknown[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield part as Uint8Array;
  }
}

async function placeStream(...parts: unknown[]): Promise<StreamedFile> {
  const streamed = await writeStreamToFile(store, chunks(...parts), LIMITS);
  store.place(streamed);
  return streamed;
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

async function catchFailure(promise: Promise<unknown>): Promise<DiskCacheError> {
  const error = await promise.then(
    () => new Error('nothing was thrown'),
    (reason: unknown) => reason,
  );
  if (error instanceof DiskCacheError) return error;
  throw error;
}

const listStaged = (): readonly string[] => readdirSync(join(store.root, 'stage'));

describe('a stream into a file', () => {
  it('is written completely, with the size and checksum of its bytes', async () => {
    const streamed = await placeStream(DATA, new Uint8Array(0), DATA, DATA);
    expect(streamed).toMatchObject({
      mode: ENCODING.bytes,
      bytes: WHOLE.length,
      crc: checksum(ENCODING.bytes, WHOLE),
    });
    expect(store.read(streamed.name, streamed)).toEqual(WHOLE);
  });

  it('may be empty', async () => {
    const streamed = await placeStream();
    expect(store.read(streamed.name, streamed)).toEqual(new Uint8Array(0));
    expect(await readAll(readFileAsStream(store, streamed.name, streamed))).toEqual(new Uint8Array(0));
  });

  it('takes a web stream', async () => {
    const streamed = await writeStreamToFile(store, new Blob([DATA]).stream(), { ...LIMITS, durability: 'power' });
    store.place(streamed);
    expect(store.read(streamed.name, streamed)).toEqual(DATA);
  });

  it('leaves no file when its source fails, and passes the error on', async () => {
    const reason = new RangeError('connection lost');
    await expect(writeStreamToFile(store, chunks(DATA, reason), LIMITS)).rejects.toBe(reason);
    expect(listStaged()).toEqual([]);
  });

  it('leaves no file when it is too long or yields something other than bytes', async () => {
    expect(
      (await catchFailure(writeStreamToFile(store, chunks(DATA, DATA), { ...LIMITS, maxBytes: 100_000 }))).code,
    ).toBe('TOO_LARGE');
    const error = await catchFailure(writeStreamToFile(store, chunks(DATA, 'text'), LIMITS));
    expect(error.code).toBe('BAD_VALUE');
    expect(error.message).toContain('byte 65000');
    expect(listStaged()).toEqual([]);
  });

  it('is in the stage, and in the volume, while it runs', async () => {
    let during: unknown;
    async function* source() {
      yield DATA;
      yield DATA;
      during = store.getUsage();
    }
    await writeStreamToFile(store, source(), LIMITS);
    expect(during).toEqual({ files: 1, bytes: 2 * DATA.length });
  });
});

describe('a stream out of a file', () => {
  it('yields the bytes in chunks with memory of their own', async () => {
    const streamed = await placeStream(LONG);
    const parts: Uint8Array[] = [];
    for await (const part of readFileAsStream(store, streamed.name, streamed)) parts.push(part);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) expect(part.buffer.byteLength).toBe(part.length);
    expect(new Uint8Array(Buffer.concat(parts))).toEqual(LONG);
  });

  it('can be left early', async () => {
    const streamed = await placeStream(LONG);
    for await (const part of readFileAsStream(store, streamed.name, streamed)) {
      expect(part).toEqual(LONG.slice(0, part.length));
      break;
    }
    expect(store.remove(streamed.name)).toBe(true);
  });

  it('continues when the file is removed during the read', { skip: process.platform === 'win32' }, async () => {
    const streamed = await placeStream(LONG);
    const source = readFileAsStream(store, streamed.name, streamed);
    const first = (await source.next()).value as Uint8Array;
    store.remove(streamed.name);
    expect(new Uint8Array([...first, ...(await readAll(source))])).toEqual(LONG);
  });

  it('always fails when the file is missing, short, or changed in any byte', async () => {
    const streamed = await placeStream(LONG);
    const path = store.getPath(streamed.name);
    const read = () => catchFailure(readAll(readFileAsStream(store, streamed.name, streamed)));
    for (const at of [0, 100_000, LONG.length - 1]) {
      writeFileSync(path, LONG.with(at, LONG[at]! ^ 1));
      expect(await read()).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining(path) });
    }
    truncateSync(path, 100);
    expect(await read()).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('holds 100 bytes') });
    rmSync(path);
    expect(await read()).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('is missing') });
  });
});
