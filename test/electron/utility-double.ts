import { setTimeout } from 'node:timers/promises';
import { MessageChannelMain } from '../../e2e/stand-in/main/message-port-main.ts';
import { runningUtilities, waitForExit } from '../../e2e/stand-in/main/running-utilities.ts';
import { UtilityProcess } from '../../e2e/stand-in/main/utility-process.ts';

/**
 * Electron with real utility processes and ports that lead there, those of the stand-in, without a window:
 * `vi.mock('electron', () => import('./utility-double.ts'))`.
 */
export { MessageChannelMain };

/** Every one that was started, the youngest last. */
export const started: UtilityProcess[] = [];

export const utilityProcess = {
  fork(modulePath: string, args: string[]): UtilityProcess {
    const utility = new UtilityProcess(modulePath, args);
    started.push(utility);
    return utility;
  },
};

/** Kills the one that runs, or the next, as a crash does: without a word. Resolves when that was told. */
export async function crash(): Promise<void> {
  let pid: number | undefined;
  while (pid === undefined) {
    pid = [...runningUtilities][0]?.pid;
    if (pid === undefined) await setTimeout(5);
  }
  const exit = waitForExit([...runningUtilities][0]!);
  process.kill(pid, 'SIGKILL');
  await exit;
}
