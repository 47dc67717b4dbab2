import { createHash, randomUUID } from 'node:crypto';
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

const PID_DIGITS = 6;
const HOST_DIGITS = 6;
const START_DIGITS = 4;
/** Hexadecimal digits of a mark. */
export const MARK_DIGITS = PID_DIGITS + HOST_DIGITS + START_DIGITS;
const UNKNOWN_PID = 16 ** PID_DIGITS - 1;

/** This process in a few digits, for the name of what it leaves behind when it is killed. */
export const OWN_MARK =
  Math.min(HERE.pid, UNKNOWN_PID).toString(16).padStart(PID_DIGITS, '0') +
  digest(HERE.host, HOST_DIGITS) +
  digest(HERE.started, START_DIGITS);

/** Whether the process of a mark has ended; undefined where that can't be known, as of another machine's. */
export function isMarkGone(mark: string): boolean | undefined {
  if (mark === OWN_MARK) return false;
  const pid = Number.parseInt(mark.slice(0, PID_DIGITS), 16);
  const isHere = mark.slice(PID_DIGITS, PID_DIGITS + HOST_DIGITS) === digest(HERE.host, HOST_DIGITS);
  if (!isHere || pid === 0 || pid === UNKNOWN_PID) return undefined;
  if (pid === HERE.pid) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
  }
  const facts = processFacts(pid);
  return facts !== undefined && (facts.ended || digest(facts.started, START_DIGITS) !== mark.slice(-START_DIGITS));
}

function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
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
