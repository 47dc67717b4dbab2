import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { STORE_NAMES, type StoreName } from './random-steps.ts';
import { getShimFault, getShimPath } from './shim.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

const { EACCES, EBUSY, EDQUOT, EIO, EMFILE, ENOMEM, ENOSPC, EROFS, ESTALE, ETIMEDOUT } = constants.errno;

/** What fails, where, and in which ways. */
const RULES: readonly (readonly [operation: string, part: string, errnos: readonly number[]])[] = [
  ['read', '.val', [EIO, EBUSY, ENOMEM, ESTALE, ETIMEDOUT]],
  ['open', '.val', [EIO, EACCES, EMFILE, ENOMEM, ESTALE]],
  ['create', '.val', [EIO, ENOSPC, EDQUOT, EMFILE, EROFS, EACCES]],
  ['write', '.val', [EIO, ENOSPC, EDQUOT]],
  ['fsync', '.val', [EIO, ENOSPC]],
  ['rename', '.val', [EIO, ENOSPC, EROFS]],
  ['unlink', '.val', [EBUSY, EACCES, EIO]],
  ['mkdir', 'values', [EIO, ENOSPC, EACCES]],
  ['read', 'cache.db', [EIO, ETIMEDOUT]],
  ['write', 'cache.db', [EIO, ENOSPC, EDQUOT]],
  ['fsync', 'cache.db', [EIO, ENOSPC]],
  ['open', 'cache.db', [EIO, EMFILE, EACCES]],
  ['write', '*', [ENOSPC, EIO]],
  ['fsync', '*', [EIO]],
];

const ALL = RULES.flatMap(([operation, part, errnos]) => errnos.map((errno) => `${operation} ${errno} ${part}`));
/** On two cores. */
const CONCURRENCY = 2;
const TIMEOUT_MS = 120_000;

interface Outcome {
  readonly refused: number;
  readonly wrong: readonly string[];
}

async function runOne(name: StoreName, rule: string, seed: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'deskcache-faults-'));
  const [root, faults] = [join(folder, 'store'), join(folder, 'faults')];
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'failing-worker.ts'), name, root, faults, `${seed}`, rule],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      env: {
        ...process.env,
        LD_PRELOAD: getShimPath(),
        TORTURE_DIR: root,
        TORTURE_FAULTS: faults,
        UV_USE_IO_URING: '0',
      },
    },
  );
  try {
    const [said, complaints, [code, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    if (code !== 0) return { refused: 0, wrong: [`the process ended by ${signal ?? code}: ${complaints.slice(-600)}`] };
    return JSON.parse(said);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(count: number): Promise<TortureReport> {
  const faults: string[] = [];
  let refused = 0;
  let next = 0;
  async function work(): Promise<void> {
    while (next < count) {
      const seed = ++next;
      // Every rule has its turn with every kind of store, and a short run has some of all rules.
      const rule = ALL[(seed * 17) % ALL.length]!;
      const name = STORE_NAMES[seed % STORE_NAMES.length]!;
      const outcome = await runOne(name, rule, seed);
      refused += outcome.refused;
      for (const wrong of outcome.wrong) faults.push(`${name}, "${rule}", seed ${seed}: ${wrong}`);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return { figures: `${count} processes whose system failed, ${refused} calls refused`, faults };
}

/** The system may refuse any operation for a while: a call says so, changes nothing, and nothing is taken for damage. */
export const systemErrorSuite: TortureSuite = {
  name: 'system-errors',
  long: ALL.length * STORE_NAMES.length,
  short: 12,
  unavailable: getShimFault,
  run,
};
