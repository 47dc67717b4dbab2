import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { EngineProcess } from '../../main/electron/utility/engine-process.ts';

/** A utility process that is started, killed and heard of by hand. Before it has spawned Electron may have nothing to kill. */
class ManualProcess extends EventEmitter {
  readonly posted: unknown[] = [];
  kills = 0;
  postMessage(message: unknown): void {
    this.posted.push(message);
  }
  kill(): boolean {
    this.kills++;
    return false;
  }
}

const started = vi.hoisted(() => [] as ManualProcess[]);
vi.mock('electron', () => ({
  utilityProcess: {
    fork() {
      const utility = new ManualProcess();
      started.push(utility);
      return utility;
    },
  },
}));

it('a utility process that is closed before it has spawned opens nothing and is killed when it has spawned', async () => {
  const onGivenUp = vi.fn();
  const utility = new EngineProcess('/utility.js', {
    createOpenCommand: () => ({ type: 'close' }),
    onOpened: () => {},
    onDamaged: () => {},
    onEvent: () => {},
    onExit: () => {},
    onGivenUp,
  });
  utility.start();
  const [child] = started;
  const closing = utility.close();
  const kills = child!.kills;
  child!.emit('spawn');
  expect(child!.kills).toBe(kills + 1);
  expect(child!.posted).toEqual([]);
  child!.emit('exit', 0);
  await closing;
  expect(onGivenUp).toHaveBeenCalledOnce();
  expect(started.length).toBe(1);
});
