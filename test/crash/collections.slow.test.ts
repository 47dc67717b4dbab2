import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Deque, Index } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { KillableProcess } from './killable-process.ts';

/** Each starts a process: CI kills 25 (`COLLECTION_KILLS=25`). */
const KILLS = Number(process.env['COLLECTION_KILLS'] ?? 12);
const LENGTH = 2000;

/** The array after one step of the rotator. */
function applyStep(array: number[], turn: number): number[] {
  const rotated = (count: number) => [...array.slice(-count), ...array.slice(0, -count)];
  if (turn % 4 === 0) return array.toReversed();
  if (turn % 4 === 1) return rotated(Math.trunc(array.length / 3));
  if (turn % 4 === 2) return [...array.slice(7), ...array.slice(0, 7)];
  const middle = Math.floor(array.length / 2);
  return [...array.toSpliced(middle, 1), array[middle]!];
}

it('a deque whose writer is killed is in the state of its last step, or of the next one', async () => {
  const directory = freshDirectory();
  using deque = new Deque<number>(directory, { durability: 'process' });
  let expected = Array.from(Array(LENGTH).keys());
  deque.extend(expected);
  let steps = 0;
  let unacknowledged = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const victim = new KillableProcess('./deque-rotator.ts', directory);
    await victim.waitUntilStarted();
    await sleep(Math.random() * 60);
    const done = await victim.kill();
    for (const turn of done) expected = applyStep(expected, Number(turn));
    steps += done.length;
    const found = [...deque];
    if (found.join() !== expected.join()) {
      expected = applyStep(expected, done.length);
      unacknowledged++;
    }
    expect(found).toEqual(expected);
    expect([deque.length, deque.at(-1)]).toEqual([LENGTH, expected.at(-1)]);
    expect(deque.check()).toEqual([]);
  }
  console.log(`${KILLS} kills, ${steps} turns, ${unacknowledged} done but not acknowledged`);
  expect(steps).toBeGreaterThan(KILLS);
});

it('an index whose migration is killed stays unchanged, until a migration completes', async () => {
  const directory = freshDirectory();
  const before: [string, unknown][] = [];
  {
    using index = new Index<string, unknown>(directory, { durability: 'process' });
    for (let n = 0; n < 1500; n++)
      before.push([`entry ${n}`, n], [`entry ${n} old`, 'y'.repeat(n % 50 === 0 ? 40_000 : 10)]);
    index.setMany(before);
  }
  for (let kill = 0; kill < 8; kill++) {
    const victim = new KillableProcess('./index-migrator.ts', directory);
    await victim.waitUntilStarted();
    await sleep(Math.random() * 40);
    expect(await victim.kill()).toEqual(['migrating']);
    using index = new Index<string, unknown>(directory);
    expect(index.equals(before)).toBe(true);
    index.check({ repair: true });
    expect(index.check()).toEqual([]);
  }
  using index = new Index<string, unknown>(directory, {
    version: 2,
    migrate(it, from) {
      expect([from, it.size]).toEqual([1, 3000]);
      it.clear();
    },
  });
  expect(index.size).toBe(0);
  expect(() => new Index(directory)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_VERSION' }));
});
