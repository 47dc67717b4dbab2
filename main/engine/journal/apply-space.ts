import { statfsSync } from 'node:fs';
import { hasBallast, isBallastWhole, resizeBallast } from '../space/store-files.ts';
import type { Core } from '../state/core.ts';

/** Up to this many pending bytes are applied with the space of the ballast that every store has. */
const MAX_UNRESERVED_BYTES = 32 * 1024;
/** Space is reserved for this many bytes more than are pending, so that appends seldom need to ask for it. */
const STEP_BYTES = 256 * 1024;
/** Rows with their entries in indexes take about as much space as their records; pages that are split take more. */
const RESERVE_FACTOR = 1.5;
/** A disk with more free space than this doesn't become full before what is pending is applied. */
const ROOMY_DISK_BYTES = 512 * 1024 * 1024;

/**
 * The space that applying the changes of a journal needs: the rows that it adds. On a disk that may soon be full the ballast holds it.
 * Invariant: what is pending can be applied on a full disk, or the disk had much space when it was appended.
 */
export class ApplySpace {
  readonly #core: Core;
  /** Bytes of the ballast that are for the journal. */
  bytes = 0;
  /** Up to this many pending bytes nothing has to be reserved. */
  maxPendingBytes = MAX_UNRESERVED_BYTES;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Makes space for that many pending bytes, and some more, but not for more than `maxBytes`; false if the disk has too little. O(1); O(bytes)
   * where the disk has little space.
   */
  reserve(pendingBytes: number, maxBytes: number): boolean {
    const needed = Math.max(pendingBytes, Math.min(pendingBytes + STEP_BYTES, maxBytes));
    if (hasBallast(this.#core) && !this.#isDiskRoomy()) {
      this.bytes = needed * RESERVE_FACTOR;
      resizeBallast(this.#core);
      if (!isBallastWhole(this.#core)) return false;
    }
    this.maxPendingBytes = needed;
    return true;
  }

  /** After everything was applied: gives the space back to the disk. */
  release(): void {
    this.maxPendingBytes = MAX_UNRESERVED_BYTES;
    if (this.bytes === 0) return;
    this.bytes = 0;
    resizeBallast(this.#core);
  }

  #isDiskRoomy(): boolean {
    try {
      const { bavail, bsize } = statfsSync(this.#core.directory);
      return bavail * bsize > ROOMY_DISK_BYTES;
    } catch {
      // The file system doesn't say how much is free.
      return false;
    }
  }
}
