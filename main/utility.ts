/** The entry point of the utility process of `placement: 'utility'`: runs the engine and carries out the main process's commands. */

import { deserializeStores } from './electron/utility/engine-messages.ts';
import { serveCommands } from './electron/utility/serve.ts';
import { sealStores } from './engine/internal.ts';
import { openEngine } from './open-engine.ts';

serveCommands(
  process.parentPort,
  async ({ directory, userData, stores, windows: windowOptions, workerThread, exclusive, storeKeys }, attached) => {
    const options = { windows: windowOptions, attached, userData, workerThread, exclusive };
    const { engine, windows, queues, close } = openEngine(
      directory,
      sealStores(await deserializeStores(stores), storeKeys),
      options,
    );
    return {
      engine,
      close,
      openQueue: ({ name, options }) => void queues.find(name, options),
      runQuery(query) {
        switch (query.call) {
          case 'windows.list':
            return windows.list();
          case 'windows.clear':
            return windows.clear(query.name);
          case 'settings.read':
            return engine.readSettings(query.store);
        }
      },
    };
  },
);
