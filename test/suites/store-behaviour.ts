import { afterEach, describe } from 'vitest';
import type { Open, OpenStore } from './async-cache.ts';
import { counting } from './counting.ts';
import { housekeeping } from './housekeeping.ts';
import { keysAndValues } from './keys-and-values.ts';
import { queues } from './queues.ts';
import { ranges } from './ranges.ts';
import { taking } from './taking.ts';
import { timeToLive } from './time-to-live.ts';

/** What every store does, however it is reached. */
export function storeBehaviour(name: string, open: Open): void {
  const opened: OpenStore[] = [];
  const openForOneTest: Open = async (options) => {
    const store = await open(options);
    opened.push(store);
    return store;
  };
  describe(name, () => {
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });
    keysAndValues(openForOneTest);
    timeToLive(openForOneTest);
    counting(openForOneTest);
    taking(openForOneTest);
    queues(openForOneTest);
    ranges(openForOneTest);
    housekeeping(openForOneTest);
  });
}
