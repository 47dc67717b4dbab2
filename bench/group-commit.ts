/** How many fsyncs do pushes cost that survive a power cut? */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OURS } from './harness/names.ts';
import { WAYS, type Way } from './harness/push.ts';
import type { Absentee, Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, 'harness', 'push.ts');
const MOST = 1000;

/** The fsyncs of a whole process as the kernel sees them, by strace(1). */
async function fsyncs(scratch: Scratch, way: Way, count: number): Promise<number> {
  const log = join(scratch.directory(), 'log');
  const traced = [process.execPath, SCRIPT, scratch.directory(), way, String(count)];
  await run('strace', ['-f', '-qq', '-e', 'trace=fsync,fdatasync', '-o', log, ...traced]);
  return readFileSync(log, 'utf8').match(/\b(fsync|fdatasync)\(/g)?.length ?? 0;
}

/** What pushes add to opening and closing. */
async function fsyncsOf(scratch: Scratch, way: Way, pushes: number): Promise<number> {
  const [none, all] = [await fsyncs(scratch, way, 0), await fsyncs(scratch, way, pushes)];
  if (all <= none) throw new Error(`${pushes} pushes, ${way}, are no fsync more than none: they are not on disk`);
  return all - none;
}

async function contender(scratch: Scratch, way: Way, pushes: number): Promise<Contender | Absentee> {
  const name = `${OURS}, ${way}`;
  try {
    await run('strace', ['-V']);
  } catch {
    return { name, skipped: 'strace is not installed (apt-get install strace)' };
  }
  return { name, round: () => fsyncsOf(scratch, way, pushes) };
}

export const question: Question = {
  name: 'group-commit',
  asks: 'How many fsyncs do pushes cost that survive a power cut?',
  async *comparisons({ operations }) {
    const pushes = Math.min(MOST, operations);
    using scratch = new Scratch();
    const ways = Object.keys(WAYS) as Way[];
    yield {
      title: `${pushes} pushes, durability "power"`,
      unit: 'fsyncs',
      contenders: await Promise.all(ways.map((way) => contender(scratch, way, pushes))),
      goals: ways
        .slice(1)
        .map((way) => ({ subject: `${OURS}, ${way}`, against: `${OURS}, ${ways[0]}`, timesFaster: pushes / 10 })),
    };
  },
};

if (import.meta.main) await runAlone(question);
