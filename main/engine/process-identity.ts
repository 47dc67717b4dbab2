import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/** Clocks are set back by less than this all the time, and stamps may run ahead of a clock by a little. */
export const CLOCK_TOLERANCE_MS = 60_000;

/** Who holds or waits. A process is known by its number, its start, and the machine that numbers it. */
export interface ProcessIdentity {
  readonly id: string;
  readonly pid: number;
  /** Where the system tells it, so that a number that was given anew is not taken for the one before. */
  readonly started: string;
  readonly thread: number;
  readonly host: string;
}

const SELF = {
  pid: process.pid,
  started: readProcessStat(process.pid)?.started ?? '',
  thread: threadId,
  host: getPidNamespace(),
};

/** A new owner, of this thread. */
export const createIdentity = (id: string = randomUUID()): ProcessIdentity => ({ id, ...SELF });

export const isThisThread = ({ pid, started, thread, host }: ProcessIdentity): boolean =>
  pid === SELF.pid && thread === SELF.thread && started === SELF.started && host === SELF.host;

/** Whether the process of an owner is known to have ended. Of another machine's nothing is known. One system call or two. */
export function hasExited({ pid, started, host }: ProcessIdentity): boolean {
  if (host !== SELF.host || pid === SELF.pid) return host === SELF.host && started !== SELF.started;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is such a process, of somebody else.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const facts = readProcessStat(pid);
  return facts !== undefined && (facts.ended || facts.started !== started);
}

const PID_DIGITS = 6;
const HOST_DIGITS = 6;
const START_DIGITS = 4;
/** Hexadecimal digits of a mark. */
export const TAG_DIGITS = PID_DIGITS + HOST_DIGITS + START_DIGITS;
const UNKNOWN_PID = 16 ** PID_DIGITS - 1;

/** This process in a few digits, for the name of what it leaves behind when it is killed. */
export const SELF_TAG =
  Math.min(SELF.pid, UNKNOWN_PID).toString(16).padStart(PID_DIGITS, '0') +
  digest(SELF.host, HOST_DIGITS) +
  digest(SELF.started, START_DIGITS);

/** Whether the process of a mark has ended; undefined where that can't be known, as of another machine's. */
export function hasTaggedProcessExited(tag: string): boolean | undefined {
  if (tag === SELF_TAG) return false;
  const pid = Number.parseInt(tag.slice(0, PID_DIGITS), 16);
  const isHere = tag.slice(PID_DIGITS, PID_DIGITS + HOST_DIGITS) === digest(SELF.host, HOST_DIGITS);
  if (!isHere || pid === 0 || pid === UNKNOWN_PID) return undefined;
  if (pid === SELF.pid) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
  }
  const facts = readProcessStat(pid);
  return facts !== undefined && (facts.ended || digest(facts.started, START_DIGITS) !== tag.slice(-START_DIGITS));
}

function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

/** For people. */
export const describeProcess = ({ pid, thread, host }: ProcessIdentity): string =>
  `process ${pid}${thread === 0 ? '' : ` (thread ${thread})`} on ${host.split(' ')[0]}`;

/** What Linux tells of a process; undefined elsewhere. A killed one that nobody has waited for is still there, but ended. */
function readProcessStat(pid: number): { started: string; ended: boolean } | undefined {
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
function getPidNamespace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
