import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

/** A version of Electron, and what npm says the package is. */
export interface ElectronRelease {
  readonly version: string;
  /** SHA-512 of the package's tarball, in Base64. */
  readonly integrity: string;
}

/** The oldest major that deskcache is for, and every second one from there on; the newest is the devDependency. */
export const RELEASES: readonly ElectronRelease[] = [
  {
    version: '35.7.5',
    integrity: 'dnL+JvLraKZl7iusXTVTGYs10TKfzUi30uEDTqsmTm0guN9V2tbOjTzyIZbh9n3ygUjgEYyo+igAwMRXIi3IPw==',
  },
  {
    version: '37.10.3',
    integrity: '3IjCGSjQmH50IbW2PFveaTzK+KwcFX9PEhE7KXb9v5IT8cLAiryAN7qezm/XzODhDRlLu0xKG1j8xWBtZ/bx/g==',
  },
  {
    version: '39.8.10',
    integrity: 'zbYtGPYUI7PzqLAzkk21Rk6j67WN0hxn0Mq/njErZo1d0HSf33is4f8ICI5fMLy5vYe0JtCtM5sYunNOaochSQ==',
  },
  {
    version: '41.10.7',
    integrity: 'AqIiefddlf5i+HYCGatr8VlBuEbWJpad4/yloBFYcMB2r57j7xhW1ogiJ+BfA5kxQyfmSs5yjwy54Me+wJn1jw==',
  },
  {
    version: '43.8.12',
    integrity: 'j/yQT+d31UqY0MwEy1AZDBCd7DNyPyAK1P4z2y5L4yDJUktvauL0KskC786Vsil/20zTmqVhpWm7taPK6pL0Ww==',
  },
];

const CACHE_FOLDER = join(import.meta.dirname, '../../node_modules/.cache/deskcache/electron');

/**
 * The path of a release's `electron.d.ts`, which is kept beside the dependencies. No devDependency brings it: up to Electron 41 the
 * package downloads a runtime when it is installed, and every npm up to 10 lets it. Here only its tarball is fetched, of some
 * 200 kB, and nothing of it is run.
 *
 * @throws where it isn't there yet and the registry is out of reach.
 */
export async function fetchDeclarations({ version, integrity }: ElectronRelease): Promise<string> {
  const path = join(CACHE_FOLDER, version, 'electron.d.ts');
  if (existsSync(path)) return path;
  await mkdir(CACHE_FOLDER, { recursive: true });
  const into = await mkdtemp(join(CACHE_FOLDER, 'pack-'));
  try {
    const args = ['pack', `electron@${version}`, '--ignore-scripts', '--pack-destination', into];
    // npm is a .cmd file on Windows, which starts through a shell only.
    await promisify(execFile)('npm', args, { shell: process.platform === 'win32', timeout: 60_000 });
    const tarball = await readFile(join(into, `electron-${version}.tgz`));
    const found = createHash('sha512').update(tarball).digest('base64');
    if (found !== integrity) throw new Error(`The tarball of electron@${version} is not what it was: sha512-${found}`);
    await writeFile(join(into, 'electron.d.ts'), extractFromTar(gunzipSync(tarball), 'package/electron.d.ts'));
    await mkdir(join(CACHE_FOLDER, version), { recursive: true });
    // Renamed, so that it appears completely or not at all.
    await rename(join(into, 'electron.d.ts'), path);
    return path;
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}

const BLOCK_BYTES = 512;

/** One file of a tar archive: a header of one block with the name and, in octal, the size; then the file, filled up to blocks. */
function extractFromTar(archive: Buffer, name: string): Buffer {
  for (let at = 0; at + BLOCK_BYTES <= archive.length; ) {
    const text = (from: number, length: number) =>
      archive.toString('utf8', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12), 8) || 0;
    const start = at + BLOCK_BYTES;
    if (text(0, 100) === name) return archive.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  throw new Error(`${name} is not in the archive`);
}
