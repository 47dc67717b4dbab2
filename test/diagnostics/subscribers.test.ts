import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from '../engine/fresh-directory.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Runs a module against the sources in a process of its own. */
function run(program: string, env: NodeJS.ProcessEnv = {}) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '--eval', program],
    { encoding: 'utf8', cwd: ROOT, env: { ...process.env, NODE_DEBUG: '', DIRECTORY: freshDirectory(), ...env } },
  );
  return { stdout: stdout.trim(), lines: stderr.trim().split('\n').filter(Boolean), status };
}

const OPEN = `
import { Cache } from './main/engine/index.ts';
const cache = new Cache(process.env.DIRECTORY);
`;

describe('a subscriber that throws', () => {
  it('is reported as uncaughtException; the write is committed, and its caller is not told', () => {
    const { stdout, status } = run(`${OPEN}
      import { subscribe } from 'node:diagnostics_channel';
      process.on('uncaughtException', (error) => console.log('uncaught:', error.message));
      subscribe('deskcache:transaction', () => { throw new Error('of the subscriber'); });
      cache.set('a', 1);
      cache.transact(() => { cache.set('b', 2); cache.set('c', 3); });
      console.log('read:', cache.get('a'), cache.get('b'), cache.get('c'));
    `);
    expect(stdout.split('\n')).toEqual(['read: 1 2 3', 'uncaught: of the subscriber', 'uncaught: of the subscriber']);
    expect(status).toBe(0);
  });

  it('ends a process that has no handler for it, with everything committed', () => {
    const directory = freshDirectory();
    const { stdout, status } = run(
      `${OPEN}
      import { subscribe } from 'node:diagnostics_channel';
      subscribe('deskcache:transaction', () => { throw new Error('of the subscriber'); });
      cache.set('a', 1);
      setTimeout(() => console.log('not reached'));
    `,
      { DIRECTORY: directory },
    );
    expect([stdout, status]).toEqual(['', 1]);
    expect(run(`${OPEN} console.log(cache.get('a'));`, { DIRECTORY: directory }).stdout).toBe('1');
  });
});

describe('NODE_DEBUG=deskcache', () => {
  const WRITE = `${OPEN} cache.set('secret key', 'secret value'); cache.setMany([[1, 1], [2, 2]]); cache.clear();`;

  it('prints a line for each event, with neither keys nor values', () => {
    const { lines, status } = run(WRITE, { NODE_DEBUG: 'deskcache' });
    expect(status).toBe(0);
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines)
      expect(line).toMatch(/^DESKCACHE \d+: (transaction committed|checkpoint TRUNCATE) .*: .*deskcache/);
    expect(lines.join()).not.toContain('secret');
    expect(lines).toContainEqual(expect.stringMatching(/transaction committed after [\d.]+ ms, 1 row written: /));
  });

  it('prints nothing without it, or for other names', () => {
    expect(run(WRITE).lines).toEqual([]);
    expect(run(WRITE, { NODE_DEBUG: 'http' }).lines).toEqual([]);
  });

  it('prints each event once where the package is loaded twice', () => {
    const { lines } = run(
      `import { Cache } from './main/engine/index.ts';
      await import('./main/engine/index.ts?again');
      await import('./main/engine/diagnostics.ts?again');
      const cache = new Cache(process.env.DIRECTORY);
      cache.set('a', 1);`,
      { NODE_DEBUG: 'deskcache' },
    );
    expect(lines.length).toBeGreaterThan(0);
    expect(new Set(lines).size).toBe(lines.length);
  });
});
