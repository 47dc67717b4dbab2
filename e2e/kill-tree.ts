import { type ChildProcess, spawnSync } from 'node:child_process';

/** A program that kills a process with all its children, or a signal that is enough. */
export type KillCommand =
  | { readonly signal: 'SIGKILL' }
  | { readonly command: string; readonly args: readonly string[] };

/**
 * Returns how a started application is killed on a platform. On Windows Playwright starts Electron through `cmd.exe`, and a signal
 * to the child ends that alone. Elsewhere the child is the main process itself, and its helpers end when their pipes to it break.
 */
export function getKillCommand(pid: number, platform: NodeJS.Platform = process.platform): KillCommand {
  if (platform !== 'win32') return { signal: 'SIGKILL' };
  return { command: 'taskkill', args: ['/pid', String(pid), '/T', '/F'] };
}

/** Kills a process and the processes it has started. Does nothing if it has ended. */
export function killTree(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const kill = getKillCommand(child.pid);
  if ('signal' in kill) child.kill(kill.signal);
  // One that ended a moment ago is not found: then there is nothing left to do.
  else if (spawnSync(kill.command, kill.args, { stdio: 'ignore', windowsHide: true }).error) child.kill('SIGKILL');
}
