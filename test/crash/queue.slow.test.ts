import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { Index } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { KillableProcess } from './killable-process.ts';

/** Most of the time goes into starting processes: `QUEUE_KILLS=100` takes a minute or two. */
const KILLS = Number(process.env['QUEUE_KILLS'] ?? 20);
const JOBS = 100 * KILLS;
const WORKERS = 4;
const GROUPS = 25;

/** What a worker wrote down. */
interface LogLine {
  readonly what: string;
  readonly id: number;
  readonly group: string;
  readonly attempt: number;
}

function parseLog(log: string): LogLine[] {
  return readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [what = '', id, group = '', attempt] = line.split(' ');
      return { what, id: Number(id), group, attempt: Number(attempt) };
    });
}

/** In a group a job starts only after the previous one has ended, and never before an earlier one. */
function expectOrder(lines: readonly LogLine[]): void {
  const last = new Map<string, LogLine>();
  const seen = new Map<string, number>();
  for (const line of lines) {
    if (line.group === 'undefined') continue;
    const before = last.get(line.group);
    if (line.what === 'end') expect(before).toEqual({ ...line, what: 'begin' });
    else if (before?.id === line.id) expect(line.attempt).toBeGreaterThan(before.attempt);
    else {
      expect(line.id).toBeGreaterThan(before?.id ?? 0);
      if (before !== undefined) expect(before.what).toBe('end');
      seen.set(line.group, (seen.get(line.group) ?? 0) + 1);
    }
    last.set(line.group, line);
  }
  expect([...seen.values()]).toEqual(Array.from({ length: GROUPS }, () => JOBS / 2 / GROUPS));
}

it('jobs enqueued by a killed process are there, and nothing of its open transaction', async () => {
  const directory = freshDirectory();
  const told: string[] = [];
  for (let kill = 0; kill < 6; kill++) {
    const victim = new KillableProcess('./queue-filler.ts', directory);
    await victim.waitUntilStarted();
    await sleep(Math.random() * 150);
    told.push(...(await victim.kill()));
  }
  using queue = new Queue<string>(directory);
  expect(told.length).toBeGreaterThanOrEqual(6);
  for (const id of told)
    expect(queue.get(Number(id))).toMatchObject({ payload: 'x'.repeat(50_000), dedupeKey: Number(id) });
  const { ready, held } = queue.counts();
  expect(ready + held).toBeGreaterThanOrEqual(told.length);
  expect([[...queue.jobs('ready')].length, [...queue.jobs('held')].length]).toEqual([ready, held]);
  const done = vi.fn();
  const stopping = new AbortController();
  const working = queue.process(done, { concurrency: 50, signal: stopping.signal });
  await vi.waitFor(() => expect(queue.counts().done).toBe(ready + held), { timeout: 30_000 });
  stopping.abort();
  await working;
  queue.close();
  using index = new Index(directory);
  expect(Array.from(index.keys(), String)).toEqual(['tally']);
  expect(index.check().filter(({ code }) => code !== 'orphan')).toEqual([]);
});

const TITLE = `${JOBS} jobs, ${KILLS} workers killed at random: each acknowledged once, none lost, groups in order`;
it(TITLE, { timeout: 60_000 + KILLS * 3000 }, async () => {
  const directory = freshDirectory();
  const log = join(directory, 'log');
  writeFileSync(log, '');
  using queue = new Queue<number>(directory, { durability: 'process', timeout: 60_000 });
  const acknowledged = new Map<number, number>();
  const strange: string[] = [];
  queue.subscribe((event) => {
    if (event.kind === 'missed' || event.kind === 'dead' || event.kind === 'removed') strange.push(event.kind);
    else if (event.kind === 'done') acknowledged.set(event.id, (acknowledged.get(event.id) ?? 0) + 1);
    else if (event.kind === 'started' && acknowledged.has(event.id)) strange.push(`${event.id} began once more`);
  });
  const before = performance.now();
  // Every second job is in a group.
  const grouped = (n: number) => (n % 2 === 0 ? { group: (n / 2) % GROUPS } : {});
  queue.enqueueMany(Array.from({ length: JOBS }, (_, payload) => ({ payload, ...grouped(payload) })));
  const enqueuing = performance.now() - before;

  const start = () => {
    const victim = new KillableProcess('./queue-worker.ts', directory, log);
    return { victim, atWork: victim.waitUntilStarted() };
  };
  const crew = Array.from({ length: WORKERS }, start);
  let amidst = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const { victim, atWork } = crew.shift()!;
    await atWork;
    await sleep(Math.random() * 60);
    if (queue.counts().running > 0) amidst++;
    await victim.kill();
    crew.push(start());
  }
  const doneAmidst = queue.counts().done;
  await vi.waitFor(() => expect(queue.counts().done).toBe(JOBS), { timeout: 90_000, interval: 50 });
  await vi.waitFor(() => expect(acknowledged.size).toBe(JOBS), { timeout: 10_000, interval: 50 });
  const seconds = (performance.now() - before) / 1000;
  await Promise.all(crew.map(({ victim }) => victim.kill()));

  expect(queue.counts()).toEqual({ ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: JOBS });
  expect(strange).toEqual([]);
  expect(new Set(acknowledged.values())).toEqual(new Set([1]));
  const lines = parseLog(log);
  expectOrder(lines);
  const begun = lines.filter(({ what }) => what === 'begin').length;
  expect(amidst).toBe(KILLS);
  expect(begun).toBeGreaterThan(JOBS);
  expect(queue.check().filter(({ code }) => code !== 'orphan')).toEqual([]);
  console.log(
    `${JOBS} jobs enqueued in ${enqueuing.toFixed(0)} ms; ${KILLS} kills while ${doneAmidst} were done; ` +
      `${begun - JOBS} begun more than once; all done after ${seconds.toFixed(1)} s`,
  );
});
