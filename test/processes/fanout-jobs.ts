import { FanoutCache, type FanoutOptions } from '../../main/engine/index.ts';

/* What a member can be told to do with a FanoutCache. */

let opened: FanoutCache<string, unknown> | undefined;

function fanout(): FanoutCache<string, unknown> {
  if (opened === undefined) throw new Error('this member has opened no FanoutCache');
  return opened;
}

export const FANOUT_JOBS = {
  openFanout(directory: string, options?: FanoutOptions): number {
    opened?.close();
    opened = new FanoutCache(directory, options);
    return opened.shards;
  },
  closeFanout(): void {
    opened?.close();
    opened = undefined;
  },
  /** Counts keys up, each in its own transaction. */
  countFanout(keys: readonly string[], times: number): void {
    for (let turn = 0; turn < times; turn++) for (const key of keys) fanout().incr(key);
  },
  /** Moves one from key to key, there and back again, in transactions over both; answers how many it made. */
  transferFanout(pairs: readonly (readonly [from: string, to: string])[], times: number): number {
    let made = 0;
    for (let turn = 0; turn < times; turn++) {
      for (const [from, to] of pairs) {
        fanout().transact(() => {
          fanout().decr(from);
          fanout().incr(to);
        });
        made++;
      }
    }
    return made;
  },
  /** Sets keys of its own, some in files, until it is stopped or has set this many. */
  fillFanout(writer: string, times: number, bytes: number): number {
    for (let turn = 0; turn < times; turn++) fanout().set(`${writer} ${turn}`, new Uint8Array(bytes).fill(turn));
    return fanout().volume();
  },
} as const;
