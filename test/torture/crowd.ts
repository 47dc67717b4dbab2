import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cache } from '../../main/engine/index.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

const PROCESSES = 8;
const ROUND_MS = 3000;

/** What the processes of a round said they did. */
class ReportedCalls {
  readonly counts = new Map<string, number>();
  readonly pushed = new Set<string>();
  readonly pulled: string[] = [];

  take(lines: readonly string[]): void {
    for (const line of lines) {
      const [what = '', id] = line.split(' ');
      if (what === 'push') this.pushed.add(id!);
      else if (what === 'pull') this.pulled.push(id!);
      else this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    }
  }
}

/** A process that was killed may have done one thing that it didn't say. */
function findFaults(cache: Cache, said: ReportedCalls, killed: number): string[] {
  const faults: string[] = [];
  for (const [what, key] of [
    ['incr', 'counted by incr'],
    ['update', 'counted by update'],
    ['lock', 'counted under a lock'],
  ] as const) {
    const [told, count] = [said.counts.get(what) ?? 0, Number(cache.get(key) ?? 0)];
    if (count < told || count > told + killed)
      faults.push(`"${key}" is ${count}; ${told} were acknowledged, ${killed} processes killed`);
  }
  const twice = said.pulled.filter((id, at) => said.pulled.indexOf(id) !== at);
  if (twice.length > 0) faults.push(`pulled by two processes: ${twice}`);
  const left = new Set<string>();
  for (const value of cache.values({ prefix: ['line'] })) left.add(String(value).split(' ', 1)[0]!);
  const gone = [...said.pushed].filter((id) => !said.pulled.includes(id) && !left.has(id));
  if (gone.length > killed)
    faults.push(`${gone.length} pushed values were neither pulled nor left, ${killed} processes killed`);
  const again = said.pulled.filter((id) => left.has(id));
  if (again.length > 0) faults.push(`pulled and still there: ${again}`);
  const found = cache.check().filter(({ code }) => code !== 'orphan');
  if (found.length > 0) faults.push(`check() found ${JSON.stringify(found).slice(0, 300)}`);
  return faults;
}

async function runRound(round: number, killed: number): Promise<{ calls: number; faults: string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-crowd-'));
  const worker = join(import.meta.dirname, 'crowd-process.ts');
  try {
    const said = new ReportedCalls();
    const faults: string[] = [];
    await Promise.all(
      Array.from({ length: PROCESSES }, async (_, n) => {
        const child = spawn(process.execPath, [worker, directory, `${round}-${n}`, `${ROUND_MS}`], {
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        const isDoomed = n < killed;
        if (isDoomed) void sleep(Math.random() * ROUND_MS).then(() => child.kill('SIGKILL'));
        const [output, complaints, [code]] = await Promise.all([
          text(child.stdout),
          text(child.stderr),
          once(child, 'close'),
        ]);
        if (code !== 0 && !isDoomed) faults.push(`process ${n} failed: ${complaints.slice(-400)}`);
        said.take(output.split('\n').slice(0, -1));
      }),
    );
    using cache = new Cache(directory);
    faults.push(...findFaults(cache, said, killed));
    const calls = [...said.counts.values()].reduce((sum, n) => sum + n, 0) + said.pushed.size + said.pulled.length;
    return { calls, faults: faults.map((fault) => `round ${round}: ${fault}`) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function run(count: number): Promise<TortureReport> {
  const faults: string[] = [];
  let calls = 0;
  for (let round = 1; round <= count; round++) {
    const outcome = await runRound(round, round % 3);
    calls += outcome.calls;
    faults.push(...outcome.faults);
  }
  return { figures: `${count} rounds of ${PROCESSES} processes, ${calls} calls acknowledged`, faults };
}

/** Eight processes in one directory, some of them killed: nothing counted twice or lost, nothing pulled twice, no lock held by the dead. */
export const crowdSuite: TortureSuite = { name: 'processes', long: 30, short: 1, run };
