/** What runs in the utility process of `placement: 'utility'`: the engine, and the main process' orders about whom to answer. */
import { obey } from './electron/utility/obey.ts';
import { storesFrom } from './electron/utility/sent-stores.ts';
import { openEngine } from './open-engine.ts';

obey(process.parentPort, async ({ directory, stores, windows: windowOptions }, attached) => {
  const { engine, windows, queues, close } = openEngine(directory, await storesFrom(stores), windowOptions, attached);
  return {
    engine,
    close,
    openQueue: ({ name, options }) => void queues.find(name, options),
    answer(asked) {
      switch (asked.call) {
        case 'windows.list':
          return windows.list();
        case 'windows.clear':
          return windows.clear(asked.name);
      }
    },
  };
});
