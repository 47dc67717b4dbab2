import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { KillableProcess } from './killable-process.ts';

it('a process killed while it creates a store leaves a directory that can be opened', async () => {
  for (let kill = 0; kill < 15; kill++) {
    const directory = freshDirectory();
    const victim = new KillableProcess('./store-creator.ts', directory);
    await victim.waitUntilStarted();
    await sleep(Math.random() * 20);
    const created = await victim.kill();
    for (let number = 0; number < created.length; number++) {
      using cache = new Cache(join(directory, String(number)));
      expect(cache.get('number')).toBe(number);
    }
    // The one it was about to create, or in the middle of it.
    using last = new Cache(join(directory, String(created.length)));
    expect([undefined, created.length]).toContain(last.get('number'));
    last.set('number', 'mine');
    expect(last.get('number')).toBe('mine');
  }
});
