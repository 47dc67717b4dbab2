import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { type ArchiveProgress, exportArchive, importArchive } from '../../main/archive/index.ts';
import { Cache, Deque, FanoutCache, Index, Settings } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const LARGE = new Uint8Array(3_000_000).map((_, nth) => nth % 251);

/** A directory as a host has it, and a folder for what is made of it. */
function createHost() {
  const root = freshDirectory();
  const host = join(root, 'host');
  using notes = new Cache(join(host, 'notes'), { sizeLimit: 9e6 });
  notes.set('a', { b: new Date(7) }, { tag: 't' });
  notes.set('large', LARGE);
  using pages = new FanoutCache(join(host, 'pages'), { shards: 2 });
  for (let nth = 0; nth < 50; nth++) pages.set(nth, nth);
  using index = new Index(join(host, 'names'));
  index.set('x', 1);
  using list = new Deque(join(host, 'list'));
  list.push(1, 2, 3);
  using settings = new Settings<Record<string, unknown>>(join(host, 'settings'), { defaults: {}, version: 2 });
  settings.set('theme', 'dark');
  using queue = new Queue(join(host, '_queues', 'mail'));
  queue.enqueueMany([{ payload: 1 }, { payload: 2, delay: 1e9 }]);
  using backup = new Cache(join(host, '_backups', '2026', 'notes'));
  backup.set('old', 1);
  return { root, host, file: join(root, 'all.tar'), copy: join(root, 'copy') };
}

const FOLDERS = ['_queues/mail', 'list', 'names', 'notes', 'pages', 'settings'];

describe('an archive', () => {
  it('holds all stores and queues of a directory, and becomes an equal one', async () => {
    const { root, host, file, copy } = createHost();
    expect(await exportArchive(host, file)).toEqual({ file, folders: FOLDERS });
    const progress: ArchiveProgress[] = [];
    const { directory, stores } = await importArchive(file, copy, { onProgress: (now) => progress.push(now) });
    expect(directory).toBe(copy);
    expect(stores.map(({ folder, imported, skipped }) => [folder, imported, skipped.length])).toEqual([
      ['_queues/mail', 2, 0],
      ['list', 3, 0],
      ['names', 1, 0],
      ['notes', 2, 0],
      ['pages', 50, 0],
      ['settings', 1, 0],
    ]);
    expect(progress.at(-1)).toEqual({ done: progress.at(-1)!.total, total: progress.at(-1)!.total, unit: 'bytes' });
    expect(readdirSync(root).sort()).toEqual(['all.tar', 'copy', 'host']);
    using notes = new Cache(join(copy, 'notes'));
    expect([notes.get('a'), notes.get('large')]).toEqual([{ b: new Date(7) }, LARGE]);
    using pages = new FanoutCache(join(copy, 'pages'), { shards: 2 });
    expect([...pages.values()]).toEqual(Array.from({ length: 50 }, (_, nth) => nth));
    using list = new Deque(join(copy, 'list'));
    expect([...list]).toEqual([1, 2, 3]);
    using settings = new Settings<Record<string, unknown>>(join(copy, 'settings'), { defaults: {}, version: 2 });
    expect(settings.get('theme')).toBe('dark');
    using queue = new Queue(join(copy, '_queues', 'mail'));
    expect(queue.counts()).toMatchObject({ ready: 1, delayed: 1 });
  });

  it('can hold one store', async () => {
    const { host, file, copy } = createHost();
    expect(await exportArchive(join(host, 'list'), file)).toMatchObject({ folders: [''] });
    await importArchive(file, copy);
    using list = new Deque(copy);
    expect(list.length).toBe(3);
  });

  it('replaces neither a file nor a directory, and leaves nothing behind when it is stopped', async () => {
    const { root, host, file, copy } = createHost();
    await exportArchive(host, file);
    await expect(exportArchive(host, file)).rejects.toMatchObject({ code: 'BAD_OPTION' });
    await expect(importArchive(file, host)).rejects.toMatchObject({ code: 'BAD_OPTION' });
    const stopped = new AbortController();
    const onProgress = ({ done, total }: ArchiveProgress) => done > total / 2 && stopped.abort(new Error('stop'));
    await expect(exportArchive(host, join(root, 'b'), { onProgress, signal: stopped.signal })).rejects.toThrow('stop');
    const importing = new AbortController();
    const stop = ({ done, total }: ArchiveProgress) => done > total * 0.7 && importing.abort(new Error('stop'));
    await expect(importArchive(file, copy, { onProgress: stop, signal: importing.signal })).rejects.toThrow('stop');
    await expect(exportArchive(join(root, 'none'), copy)).rejects.toMatchObject({ code: 'NO_SUCH_STORE' });
    await expect(importArchive(join(root, 'none'), copy)).rejects.toMatchObject({ name: 'DiskCacheError' });
    expect(readdirSync(root).sort()).toEqual(['all.tar', 'host']);
  });
});

/** An export of an index with these settings, whose checksum is right. */
function formatExport(header: object = {}): string {
  const lines = [
    { deskcache: 'export', version: 1, kind: 'index', exportedAt: 1, items: 0, settings: { version: 1 }, ...header },
  ].map((line) => `${JSON.stringify(line)}\n`);
  const check = crc32(lines.join('')).toString(16).padStart(8, '0');
  return `${lines.join('')}${JSON.stringify({ end: true, items: 0, crc32: check })}\n`;
}

type Entry = { readonly name: string; readonly text?: string; readonly type?: 'symlink' | 'directory' | 'link' };

async function writeTar(path: string, entries: readonly Entry[]): Promise<void> {
  const tar = pack();
  for (const { name, text = '', type } of entries) {
    if (type === undefined) tar.entry({ name }, text);
    else tar.entry({ name, type, linkname: '/etc/passwd' });
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  writeFileSync(path, Buffer.concat(chunks));
}

const contents = (folders: unknown, more: object = {}): Entry => ({
  name: 'archive.json',
  text: JSON.stringify({ deskcache: 'archive', version: 1, exportedAt: 1, folders, ...more }),
});
const store = (folder: string): Entry => ({ name: `${folder}.ndjson`, text: formatExport() });

describe('an archive from anywhere', () => {
  it('is imported if it is well formed', async () => {
    const directory = freshDirectory();
    await writeTar(join(directory, 'tar'), [contents(['a', 'b/c']), store('a'), store('b/c')]);
    await importArchive(join(directory, 'tar'), join(directory, 'copy'));
    expect(readdirSync(join(directory, 'copy')).sort()).toEqual(['a', 'b']);
  });

  it.each<[string, readonly Entry[], string?]>([
    ['that is empty', []],
    ['without its list', [store('a')]],
    ['of a newer format', [contents(['a'], { version: 2 }), store('a')], 'UNSUPPORTED_VERSION'],
    [
      'with an export of a newer format',
      [contents(['a']), { name: 'a.ndjson', text: formatExport({ version: 2 }) }],
      'UNSUPPORTED_VERSION',
    ],
    ['whose list is no JSON', [{ name: 'archive.json', text: '{' }]],
    ['whose list is too long', [{ name: 'archive.json', text: ' '.repeat(2 ** 20 + 1) }]],
    ['that names no store', [contents([])]],
    ['that leads out of the directory', [contents(['../a']), store('../a')]],
    ['that leads out of the directory further inside', [contents(['a/../../b']), store('a/../../b')]],
    ['that leads to the root', [contents(['/a']), store('/a')]],
    ['that leads to a drive', [contents(['C:a']), store('C:a')]],
    ['with a backslash', [contents(['a\\b']), store('a\\b')]],
    ['with a device of Windows', [contents(['nul']), store('nul')]],
    ['that names the directory itself beside a store', [contents(['', 'a']), store('store'), store('a')]],
    ['with a store inside another', [contents(['a', 'a/b']), store('a'), store('a/b')]],
    ['that names a store twice', [contents(['a', 'A']), store('a'), store('A')]],
    ['with an entry that is not in the list', [contents(['a']), store('a'), store('b')]],
    ['with an entry twice', [contents(['a']), store('a'), store('a')]],
    ['without the last store', [contents(['a', 'b']), store('a')]],
    ['with a link', [contents(['a']), { name: 'a.ndjson', type: 'symlink' }]],
    ['with a hard link', [contents(['a']), { name: 'a.ndjson', type: 'link' }]],
    ['with a folder', [contents(['a']), { name: 'a.ndjson', type: 'directory' }]],
    ['with lines that are no export', [contents(['a']), { name: 'a.ndjson', text: 'x\n' }]],
    ['with a store of an unknown kind', [contents(['a']), { name: 'a.ndjson', text: formatExport({ kind: 'b' }) }]],
    ['with a name of 3 MB', [contents(['a']), { name: 'a'.repeat(3e6), text: '' }]],
  ])('%s is refused, and nothing is created', async (_, entries, code = 'CORRUPT') => {
    const directory = freshDirectory();
    await writeTar(join(directory, 'tar'), entries);
    await expect(importArchive(join(directory, 'tar'), join(directory, 'copy'))).rejects.toMatchObject({ code });
    expect(readdirSync(directory)).toEqual(['tar']);
  });

  it('is refused if it is cut or changed anywhere, and nothing is created', async () => {
    const { file, host, root, copy } = createHost();
    await exportArchive(join(host, 'list'), file);
    const whole = readFileSync(file);
    const damaged = join(root, 'damaged');
    // The two empty blocks at the end of a tar say nothing.
    const end = whole.length - 1024;
    for (let cut = 0; cut < end - 512; cut += 97) {
      writeFileSync(damaged, whole.subarray(0, cut));
      await expect(importArchive(damaged, copy), `cut at ${cut}`).rejects.toMatchObject({ code: 'CORRUPT' });
    }
    const text = whole.indexOf('"value"');
    writeFileSync(damaged, Buffer.concat([whole.subarray(0, text + 8), Buffer.from('9'), whole.subarray(text + 9)]));
    await expect(importArchive(damaged, copy)).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(existsSync(copy)).toBe(false);
    expect(readdirSync(dirname(copy)).some((name) => name.includes('incomplete'))).toBe(false);
  });
});
