import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/** Ordinary clock corrections are smaller than this, and timestamps may run slightly ahead of a clock. */
export const CLOCK_TOLERANCE_MS = 60_000;

/** Identifies a holder or waiter of a lock. A process is identified by its pid, its start time, and the machine that gave the pid. */
export interface ProcessIdentity {
  readonly id: string;
  readonly pid: number;
  /** Start time as the system gives it, so that a reused pid is not mistaken for the earlier process; empty if unknown. */
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

/** Returns a new identity of this thread. */
export const createIdentity = (id: string = randomUUID()): ProcessIdentity => ({ id, ...SELF });

export const isThisThread = ({ pid, started, thread, host }: ProcessIdentity): boolean =>
  pid === SELF.pid && thread === SELF.thread && started === SELF.started && host === SELF.host;

/** Whether the process is known to have exited. Returns false for a process of another machine. Costs one or two system calls. */
export function hasExited({ pid, started, host }: ProcessIdentity): boolean {
  if (host !== SELF.host || pid === SELF.pid) return host === SELF.host && started !== SELF.started;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process exists, but belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const stat = readProcessStat(pid);
  return stat !== undefined && (stat.ended || stat.started !== started);
}

const PID_DIGITS = 6;
const HOST_DIGITS = 6;
const START_DIGITS = 4;
/** Hexadecimal digits of a process tag. */
export const TAG_DIGITS = PID_DIGITS + HOST_DIGITS + START_DIGITS;
const UNKNOWN_PID = 16 ** PID_DIGITS - 1;

/** Identifies this process in a few digits, for the names of files that it may leave behind when it is killed. */
export const SELF_TAG =
  Math.min(SELF.pid, UNKNOWN_PID).toString(16).padStart(PID_DIGITS, '0') +
  digest(SELF.host, HOST_DIGITS) +
  digest(SELF.started, START_DIGITS);

/** Whether the process of a tag has exited; undefined if that can't be known, as for a process of another machine. */
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
  const stat = readProcessStat(pid);
  return stat !== undefined && (stat.ended || digest(stat.started, START_DIGITS) !== tag.slice(-START_DIGITS));
}

function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

/** Returns a description for messages. */
export const describeProcess = ({ pid, thread, host }: ProcessIdentity): string =>
  `process ${pid}${thread === 0 ? '' : ` (thread ${thread})`} on ${host.split(' ')[0]}`;

/** Returns start time and state of a process on Linux; undefined elsewhere. A zombie still exists, but counts as ended. */
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

/** Returns where pids are unique: a machine, on Linux a pid namespace (containers may share a directory). */
function getPidNamespace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}
