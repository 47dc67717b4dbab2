import { appendFileSync } from 'node:fs';
import { Deque, Index, reopen, type StoreHandle } from '../../main/engine/index.ts';
import { sleepBlocking } from './sleep-blocking.ts';

/* What a member can be told to do with deques and indexes. */

let opened: Deque<unknown> | Index<string, unknown> | undefined;

function deque(): Deque<unknown> {
  if (opened instanceof Deque) return opened;
  throw new Error('this member has opened no deque');
}

export const COLLECTION_JOBS = {
  reopen(description: StoreHandle<Deque<unknown> | Index<string, unknown>>): void {
    opened?.close();
    opened = reopen(description);
  },
  closeCollection(): void {
    opened?.close();
    opened = undefined;
  },
  /** Pushes this many values, each in its own transaction. */
  pushEach(writer: string, times: number): void {
    for (let turn = 0; turn < times; turn++) deque().push([writer, turn]);
  },
  /** Shifts until it has read this many end markers, one per pushing worker. */
  shiftUntil(ends: number): unknown[] {
    const taken: unknown[] = [];
    for (let met = 0; met < ends; ) {
      const value = deque().shift();
      if (value === 'end') met++;
      else if (value === undefined) sleepBlocking(1);
      else taken.push(value);
    }
    return taken;
  },
  /** Turns the deque around and around, and takes a value out of the middle and puts it back, in one transaction each. */
  turn(times: number): void {
    for (let turn = 0; turn < times; turn++) {
      deque().rotate(3);
      deque().reverse();
      deque().transact(() => {
        const middle = deque().length >> 1;
        const value = deque().at(middle);
        deque().delete(middle);
        deque().unshift(value);
      });
    }
  },
  lengths(times: number): number[] {
    const seen = new Set<number>();
    for (let turn = 0; turn < times; turn++) seen.add(deque().length).add([...deque()].length);
    return [...seen];
  },
  /** Opens an index as a newer version, with a migration that takes so long and writes a line; answers its entries. */
  migrate(directory: string, version: number, ms: number, log: string): [string, unknown][] {
    const index = new Index<string, unknown>(directory, {
      version,
      migrate(it, from) {
        appendFileSync(log, `from ${from}\n`);
        for (const [key, value] of it) it.set(key, [value]);
        sleepBlocking(ms);
      },
    });
    try {
      return [...index];
    } finally {
      index.close();
    }
  },
} as const;
