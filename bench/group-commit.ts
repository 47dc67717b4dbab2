/** How many fsyncs do pushes cost that survive a power cut? */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Benchmark, Contender, SkippedContender } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { PUSH_METHODS, type PushMethod } from './harness/deque-pushes.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';

const execFileAsync = promisify(execFile);
const SCRIPT = join(import.meta.dirname, 'harness', 'deque-pushes.ts');
const MAX_PUSHES = 1000;

/** The fsyncs of a whole process as the kernel sees them, by strace(1). */
async function countProcessFsyncs(scratch: Scratch, way: PushMethod, count: number): Promise<number> {
  const log = join(scratch.directory(), 'log');
  const traced = [process.execPath, SCRIPT, scratch.directory(), way, String(count)];
  await execFileAsync('strace', ['-f', '-qq', '-e', 'trace=fsync,fdatasync', '-o', log, ...traced]);
  return readFileSync(log, 'utf8').match(/\b(fsync|fdatasync)\(/g)?.length ?? 0;
}

/** What pushes add to opening and closing. */
async function countPushFsyncs(scratch: Scratch, way: PushMethod, pushes: number): Promise<number> {
  const [none, all] = [await countProcessFsyncs(scratch, way, 0), await countProcessFsyncs(scratch, way, pushes)];
  if (all <= none) throw new Error(`${pushes} pushes, ${way}, are no fsync more than none: they are not on disk`);
  return all - none;
}

async function createContender(
  scratch: Scratch,
  way: PushMethod,
  pushes: number,
): Promise<Contender | SkippedContender> {
  const name = `${OURS}, ${way}`;
  try {
    await execFileAsync('strace', ['-V']);
  } catch {
    return { name, skipped: 'strace is not installed (apt-get install strace)' };
  }
  return { name, round: () => countPushFsyncs(scratch, way, pushes) };
}

export const benchmark: Benchmark = {
  name: 'group-commit',
  asks: 'How many fsyncs do pushes cost that survive a power cut?',
  async *comparisons({ operations }) {
    const pushes = Math.min(MAX_PUSHES, operations);
    using scratch = new Scratch();
    const ways = Object.keys(PUSH_METHODS) as PushMethod[];
    yield {
      title: `${pushes} pushes, durability "power"`,
      unit: 'fsyncs',
      contenders: await Promise.all(ways.map((way) => createContender(scratch, way, pushes))),
      goals: ways
        .slice(1)
        .map((way) => ({ subject: `${OURS}, ${way}`, against: `${OURS}, ${ways[0]}`, timesFaster: pushes / 10 })),
    };
  },
};

if (import.meta.main) await runStandalone(benchmark);
