import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cache, Lock } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { type PoolWorker, startWorkers } from '../processes/worker-pool.ts';

const PROCESSES = 4;
const KILLS = 12;

it('a lock whose holders and waiters are killed at random moments admits one at a time, in order, and never hangs', async () => {
  const directory = freshDirectory();
  const log = join(directory, 'log');
  writeFileSync(log, '');
  using cache = new Cache(directory, { evictionPolicy: 'none' });
  const killed = new Set<number>();
  const survivors = startWorkers('processes', 2);
  const done = Promise.all(survivors.map((member) => member.run('goInAndOut', directory, log, 150)));
  for (let kill = 0; kill < KILLS; kill += PROCESSES) {
    const victims = startWorkers('processes', PROCESSES);
    for (const victim of victims) {
      killed.add(await victim.run('pid'));
      victim.run('goInAndOut', directory, log, 1_000_000).catch(() => {});
    }
    for (const victim of victims as readonly PoolWorker[]) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
      await victim.kill();
    }
  }
  await done;

  const lines = readFileSync(log, 'utf8').trim().split('\n');
  let inside: string | undefined;
  let cutOff = 0;
  let last = 0;
  for (const line of lines) {
    const [what, pid, ticket] = line.split(' ') as [string, string, string];
    if (what === 'in') {
      // Whoever was inside has left, or was killed.
      if (inside !== undefined) expect(killed).toContain(Number(inside.split(' ')[0]));
      if (inside !== undefined) cutOff++;
      expect(Number(ticket)).toBeGreaterThan(last);
      last = Number(ticket);
      inside = `${pid} ${ticket}`;
    } else {
      expect(`${pid} ${ticket}`).toBe(inside);
      inside = undefined;
    }
  }
  expect(lines.filter((line) => line.startsWith('in')).length).toBeGreaterThanOrEqual(2 * 150);
  expect(cutOff).toBeLessThanOrEqual(KILLS);
  expect(new Lock(cache, 'lock').locked()).toBe(false);
  new Lock(cache, 'lock').acquire({ timeout: 0 }).release();
  expect(cache.check()).toEqual([]);
});
