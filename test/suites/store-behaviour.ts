import { afterEach, describe } from 'vitest';
import type { AsyncStoreFixture, OpenAsyncStore } from './async-cache.ts';
import { changeBehaviour } from './changes.ts';
import { counterBehaviour } from './counters.ts';
import { keyAndValueBehaviour } from './keys-and-values.ts';
import { maintenanceBehaviour } from './maintenance.ts';
import { rangeBehaviour } from './order-and-ranges.ts';
import { queueBehaviour } from './queues.ts';
import { removalBehaviour } from './removal.ts';
import { timeToLiveBehaviour } from './time-to-live.ts';
import { watchBehaviour } from './watches.ts';

/** The behaviour of every store, however it is accessed. */
export function storeBehaviour(name: string, open: OpenAsyncStore): void {
  const openedStores: AsyncStoreFixture[] = [];
  const openForOneTest: OpenAsyncStore = async (options) => {
    const store = await open(options);
    openedStores.push(store);
    return store;
  };
  describe(name, () => {
    afterEach(async () => {
      for (const store of openedStores.splice(0)) await store.close();
    });
    keyAndValueBehaviour(openForOneTest);
    timeToLiveBehaviour(openForOneTest);
    counterBehaviour(openForOneTest);
    removalBehaviour(openForOneTest);
    queueBehaviour(openForOneTest);
    rangeBehaviour(openForOneTest);
    changeBehaviour(openForOneTest);
    watchBehaviour(openForOneTest);
    maintenanceBehaviour(openForOneTest);
  });
}
