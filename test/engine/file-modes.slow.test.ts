import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { describe, expect, it, type TestContext } from 'vitest';
import { freshDirectory } from './fresh-directory.ts';

/** For root, who may everything, a process of a user who owns nothing but the directory. */
const UNPRIVILEGED_ID = 65_534;
const isRoot = process.getuid?.() === 0;
const ENGINE_URL = new URL('../../main/engine/index.ts', import.meta.url).href;

/** Runs a module that prints its result as JSON; `directory` is its own. Skips the test where such a user can't read the sources. */
function runUnprivileged(context: TestContext, code: string): unknown {
  const directory = freshDirectory();
  if (isRoot) chownSync(directory, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  chmodSync(directory, 0o700);
  const module = `
    import { chmodSync } from 'node:fs';
    import { Cache, FanoutCache } from ${JSON.stringify(ENGINE_URL)};
    const directory = ${JSON.stringify(directory)};
    const attempt = (work) => { try { return work(); } catch (error) { return \`\${error.code} \${error.message}\`; } };
    ${code}`;
  // Asked apart, so that a failure of the engine is never taken for this.
  if (runModule(`await import(${JSON.stringify(ENGINE_URL)})`).status !== 0) context.skip();
  const { stdout, stderr } = runModule(module);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const runModule = (module: string) =>
  spawnSync(process.execPath, ['--input-type=module', '--eval', module], {
    encoding: 'utf8',
    cwd: '/',
    ...(isRoot && { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID }),
  });

describe.skipIf(process.platform === 'win32')('permissions that were taken away', () => {
  it.for(['shards', 'shards/001'])(
    'from %s are told as such, and the shard is not called missing',
    (folder, context) => {
      const refusals = runUnprivileged(
        context,
        `
      new FanoutCache(directory, { shards: 2 }).close();
      chmodSync(\`\${directory}/${folder}\`, 0);
      const refusals = [{}, { readOnly: true }].map((options) => attempt(() => new FanoutCache(directory, options)));
      chmodSync(\`\${directory}/${folder}\`, 0o700);
      console.log(JSON.stringify(refusals));`,
      );
      expect(refusals).toEqual(
        Array(2).fill(expect.stringMatching(new RegExp(`^NOT_ALLOWED .*/${folder}.*permissions`))),
      );
    },
  );

  it('from a database that is opened with exclusive: it is read only, and readOnly opens it', (context) => {
    const results = runUnprivileged(
      context,
      `
      new Cache(directory).close();
      const database = \`\${directory}/cache.db\`;
      chmodSync(database, 0o400);
      const refusals = [{ exclusive: true }, { exclusive: true, durability: 'power' }].map((options) =>
        attempt(() => new Cache(directory, options)));
      const count = (options) => attempt(() => {
        const cache = new Cache(directory, options);
        try {
          return cache.size;
        } finally {
          cache.close();
        }
      });
      const reader = count({ readOnly: true });
      chmodSync(database, 0o600);
      const writer = count({ exclusive: true });
      console.log(JSON.stringify([...refusals, reader, writer]));`,
    );
    expect(results).toEqual([
      expect.stringMatching(/^READ_ONLY .*cache\.db cannot be written/),
      expect.stringMatching(/^READ_ONLY .*cache\.db cannot be written/),
      0,
      0,
    ]);
  });

  it('from a database and given back: it is written again, whatever was left beside it', (context) => {
    const results = runUnprivileged(
      context,
      `
      const database = \`\${directory}/cache.db\`;
      const first = new Cache(directory);
      first.set('a', 1);
      first.close();
      chmodSync(database, 0o400);
      const locked = attempt(() => {
        const cache = new Cache(directory);
        try {
          cache.set('a', 2);
        } finally {
          cache.close();
        }
      });
      chmodSync(database, 0o600);
      const unlocked = attempt(() => {
        const cache = new Cache(directory);
        cache.set('b', 3);
        return [...cache];
      });
      console.log(JSON.stringify([locked.slice(0, 9), unlocked]));`,
    );
    expect(results).toEqual([
      'READ_ONLY',
      [
        ['a', 1],
        ['b', 3],
      ],
    ]);
  });
});
