import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { KillableProcess } from '../crash/killable-process.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const WRITER = fileURLToPath(new URL('writer.ts', import.meta.url));

/** Runs the writer to its end; returns the last number it has stored. */
function runWriter(directory: string, how: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [WRITER, directory, '0', how], {
    encoding: 'utf8',
    timeout: 100_000,
  });
  return { status, stderr, last: Number(stdout.trimEnd().split('\n').at(-1)) };
}

function expectAll(directory: string, last: number): void {
  using cache = new Cache<number, string>(directory);
  expect(cache.check()).toEqual([]);
  for (let n = 0; n <= last; n++) if (!cache.get(n)?.startsWith(`${n} `)) throw new Error(`${n} of ${last} is missing`);
}

it.each(['end', 'exit'])('a process may %s without closing the store, whatever the thread is doing', (how) => {
  for (let round = 0; round < 3; round++) {
    const directory = freshDirectory();
    const { status, stderr, last } = runWriter(directory, how);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expectAll(directory, last);
  }
});

it('a process that is killed during checkpoints of the thread loses nothing', async () => {
  const directory = freshDirectory();
  let last = -1;
  for (let kill = 0; kill < 12; kill++) {
    const writer = new KillableProcess('../worker/writer.ts', directory, `${last + 1}`);
    await writer.waitUntilStarted();
    await sleep(300 + Math.random() * 1200);
    last = Number((await writer.kill()).at(-1) ?? last);
    expectAll(directory, last);
  }
});
