import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from '../engine/fresh-directory.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const FROM_SOURCES = new URL('./from-sources.ts', import.meta.url).href;

/** What an example prints, line by line. */
function run(name: string, temporary = freshDirectory()): string[] {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', FROM_SOURCES, join(EXAMPLES, name)],
    { encoding: 'utf8', env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary } },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.trim().split('\n');
}

const SAID: Readonly<Record<string, (string | RegExp)[]>> = {
  'offline-first.ts': [
    'The first time: It rains. (miss)',
    'At once again: It rains. (hit)',
    'An hour later: It rains. (stale)',
    'Who waits for that: The sun is out. (hit)',
    'Without the server: The sun is out. (stale)',
  ],
  'precache.ts': [
    '  1 of 2',
    '  2 of 2',
    'Installed: version 1, first code, first style',
    '  Precaching stopped: https://atlas.example/missing.png responded with 404',
    'A file is missing: version 1, first code, first style',
    'Installed: version 2, second code, first style',
  ],
  'outbox.ts': [
    /^The worker was killed when [1-3]\d of 40 notes had arrived\.$/,
    'Another one went on: now 40 have, in order: yes.',
    'Left in the outbox: 0.',
  ],
};

describe('the examples', () => {
  it.each(Object.entries(SAID))('%s prints what its comments say', (name, wanted) => {
    const said = run(name);
    expect(said.map((line) => line.trim())).toEqual(
      wanted.map((line) => (typeof line === 'string' ? line.trim() : expect.stringMatching(line))),
    );
  });

  it('first-steps.ts finds its data in the second run', () => {
    const temporary = freshDirectory();
    expect(run('first-steps.ts', temporary).slice(0, 2)).toEqual([
      'Run number 1.',
      'In the cache: nothing; it is put there now',
    ]);
    expect(run('first-steps.ts', temporary)).toEqual([
      'Run number 2.',
      "In the cache: { name: 'Ada Lovelace' }",
      'something went wrong half-way: Bob is not here.',
    ]);
  });

  it('are all tested here and listed in the README', () => {
    const files = readdirSync(EXAMPLES).filter((name) => name.endsWith('.ts'));
    expect([...Object.keys(SAID), 'first-steps.ts'].sort()).toEqual(files.sort());
    const list = readFileSync(join(EXAMPLES, 'README.md'), 'utf8');
    for (const name of files) expect(list).toContain(`(${name})`);
  });
});
