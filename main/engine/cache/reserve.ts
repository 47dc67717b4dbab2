import { randomFillSync } from 'node:crypto';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { reserveFor } from '../policy/budget.ts';
import { NO_FOLLOW } from '../values/whole-file.ts';
import type { Core } from './core.ts';
import { shareOf } from './household.ts';
import { databaseBytes, logBytes, reserveBytes, reservePath } from './volume.ts';

/*
 * SQLite needs space to free space: a deletion is added to the log first, and what is new in the log needs its place in the
 * database before the log can be emptied. So a file beside the database keeps some, and is given up when the disk is full.
 */

/** A reserve that differs by less than this part from what it should be is good enough. */
const TOLERANCE = 1 / 4;

/**
 * Lets the reserve follow the size of the store, as far as the disk has room; answers its bytes. Several processes may do so at
 * once: they write to the same places. O(1); O(bytes) when the store has grown by a third.
 */
export function keepReserve(core: Core): number {
  const kept = reserveBytes(core);
  const wanted = reserveFor(shareOf(core), databaseBytes(core) + logBytes(core));
  if (Math.abs(wanted - kept) <= wanted * TOLERANCE) return kept;
  try {
    resize(reservePath(core), kept, wanted);
  } catch {
    // The disk is full, or somebody has given the reserve up meanwhile: what there is has to do.
  }
  return reserveBytes(core);
}

/** Grows with bytes that can't be compressed: some file systems keep no space for others. What is no file is left alone. */
function resize(path: string, from: number, to: number): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | NO_FOLLOW, 0o600);
  try {
    if (!fstatSync(file).isFile()) return;
    if (to < from) ftruncateSync(file, to);
    const bytes = randomFillSync(new Uint8Array(Math.max(0, to - from)));
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, undefined, from + at);
  } finally {
    closeSync(file);
  }
}

/** Gives the space back; answers how many bytes. */
export function giveUpReserve(core: Core): number {
  const kept = reserveBytes(core);
  try {
    rmSync(reservePath(core), { force: true });
  } catch {
    // Windows keeps what somebody has open: then nothing was given back.
  }
  return kept - reserveBytes(core);
}
