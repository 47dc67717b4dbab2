import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { freshDirectory } from './fresh-directory.ts';

const ENGINE_URL = new URL('../../main/engine/index.ts', import.meta.url).href;
/** In blocks of 1 KiB, the unit of bash. */
const MAX_FILE_KIB = 2000;

/** Runs a module in a process that may write files up to a limit; `directory` is its own. Returns what it prints as JSON. */
function runWithLimit(code: string): unknown {
  const module = `
    import { Cache } from ${JSON.stringify(ENGINE_URL)};
    const directory = ${JSON.stringify(freshDirectory())};
    const attempt = (work) => { try { return work(); } catch (error) { return \`\${error.code} \${error.message}\`; } };
    ${code}`;
  const command = `ulimit -f ${MAX_FILE_KIB}; exec "$0" --input-type=module --eval "$1"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', command, process.execPath, module], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

// Elsewhere the system doesn't say what the limit is.
describe.skipIf(process.platform !== 'linux')('a process that may not write large files (ulimit -f)', () => {
  it.each([false, true])('is told so by a store that has reached the limit, exclusive: %s', (exclusive) => {
    const [count, refusal, size, deleted, reopened] = runWithLimit(`
      const cache = new Cache(directory, { exclusive: ${exclusive} });
      let count = 0;
      const refusal = attempt(() => { for (;; count++) cache.set('k' + count, 'x'.repeat(500)); });
      const kept = cache.get('k' + (count - 1)) === 'x'.repeat(500);
      const size = attempt(() => cache.size);
      const deleted = attempt(() => { for (let nth = 0; nth < 100; nth++) cache.delete('k' + nth); return kept; });
      process.removeAllListeners('warning');
      process.on('warning', () => {});
      attempt(() => cache.close());
      const again = attempt(() => new Cache(directory, { readOnly: true }).size);
      console.log(JSON.stringify([count, refusal, size, deleted, again]));`) as [
      number,
      string,
      unknown,
      unknown,
      unknown,
    ];
    expect(count).toBeGreaterThan(2000);
    expect(refusal).toMatch(
      /^DISK_FULL .* could not grow because the system allows this process no larger file \(see ulimit -f\)/,
    );
    expect(reopened).toEqual(exclusive ? count - 100 : expect.any(Number));
    // What is pending in a journal has to be applied before it is counted, which the limit may not allow.
    if (size !== count) expect([exclusive, size]).toEqual([true, expect.stringMatching(/^DISK_FULL .*ulimit/)]);
    // SQLite itself has no reserve for such a limit: a deletion works or says the same.
    if (exclusive) expect(deleted).toBe(true);
    else expect(deleted).toEqual(expect.stringMatching(/^DISK_FULL .*ulimit/));
  });
});
