import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/** Clocks are set back by less than this all the time, and stamps may run ahead of a clock by a little. */
export const CLOCK_TOLERANCE_MS = 60_000;

/** Who holds or waits. A process is known by its number, its start, and the machine that numbers it. */
export interface Owner {
  readonly id: string;
  readonly pid: number;
  /** Where the system tells it, so that a number that was given anew is not taken for the one before. */
  readonly started: string;
  readonly thread: number;
  readonly host: string;
}

const HERE = {
  pid: process.pid,
  started: processFacts(process.pid)?.started ?? '',
  thread: threadId,
  host: numberingOf(),
};

/** A new owner, of this thread. */
export const newOwner = (id: string = randomUUID()): Owner => ({ id, ...HERE });

export const isOfThisThread = ({ pid, started, thread, host }: Owner): boolean =>
  pid === HERE.pid && thread === HERE.thread && started === HERE.started && host === HERE.host;

/** Whether the process of an owner is known to have ended. Of another machine's nothing is known. One system call or two. */
export function isGone({ pid, started, host }: Owner): boolean {
  if (host !== HERE.host || pid === HERE.pid) return host === HERE.host && started !== HERE.started;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is such a process, of somebody else.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const facts = processFacts(pid);
  return facts !== undefined && (facts.ended || facts.started !== started);
}

/** For people. */
export const describeOwner = ({ pid, thread, host }: Owner): string =>
  `process ${pid}${thread === 0 ? '' : ` (thread ${thread})`} on ${host.split(' ')[0]}`;

/** What Linux tells of a process; undefined elsewhere. A killed one that nobody has waited for is still there, but ended. */
function processFacts(pid: number): { started: string; ended: boolean } | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc(5): the name in parentheses may hold anything; the state is the first field after it, the start the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { started: fields[19] ?? '', ended: fields[0] === 'Z' || fields[0] === 'X' };
  } catch {
    return undefined;
  }
}

/** Process numbers mean something on one machine, and on Linux within one namespace: containers may share a directory. */
function numberingOf(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
