import { setTimeout } from 'node:timers/promises';
import { MessageChannelMain } from '../../e2e/stand-in/main/message-port-main.ts';
import { exitOf, runningUtilities } from '../../e2e/stand-in/main/running-utilities.ts';
import { UtilityProcess } from '../../e2e/stand-in/main/utility-process.ts';

/**
 * Electron with utility processes on real threads and ports that lead there, those of the stand-in, without a window:
 * `vi.mock('electron', () => import('./utility-double.ts'))`.
 */
export { MessageChannelMain };

/** Every one that was started, the youngest last. */
export const started: UtilityProcess[] = [];

export const utilityProcess = {
  fork(modulePath: string, args: string[], options: Electron.ForkOptions): UtilityProcess {
    const utility = new UtilityProcess(modulePath, args, options);
    started.push(utility);
    return utility;
  },
};

/** Ends the one that runs, or the next, as a crash does: without a word. Resolves when that was told. */
export async function crash(): Promise<void> {
  while (runningUtilities.size === 0) await setTimeout(5);
  const [victim] = runningUtilities;
  const exit = exitOf(victim!);
  victim!.kill();
  await exit;
}
