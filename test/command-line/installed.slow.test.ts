import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMMAND = join(ROOT, 'dist/cli.js');

const deskcache = (...args: string[]) => spawnSync(process.execPath, [COMMAND, ...args], { encoding: 'utf8' });

it('the built command knows its version, and ends with the exit code of the failure', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(deskcache('--version')).toMatchObject({ status: 0, stdout: `${version}\n` });
  expect(deskcache('ls', join(freshDirectory(), 'gone'))).toMatchObject({ status: 4, stdout: '' });
});

it.skipIf(process.platform === 'win32')('the built command ends quietly when its reader has seen enough', () => {
  using cache = new Cache(freshDirectory());
  cache.setMany(Array.from({ length: 20_000 }, (_, n) => [`a rather long key with the number ${n}`, n] as const));
  const pipe = `'${process.execPath}' '${COMMAND}' ls '${cache.directory}' | head -n 1`;
  const { stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', pipe], { encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: 'a rather long key with the number 0\n', stderr: '' });
});

it('the built command leaves a store as it was when it only reads', () => {
  using cache = new Cache(freshDirectory());
  cache.set('k', 'v');
  expect(execFileSync(process.execPath, [COMMAND, 'get', cache.directory, 'k'], { encoding: 'utf8' })).toBe('v');
});
