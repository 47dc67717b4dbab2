/** The entry point of the utility process of `placement: 'utility'`: runs the engine and carries out the main process's commands. */

import { DamageGuard } from './damage/damage-guard.ts';
import { deserializeStores } from './electron/utility/engine-messages.ts';
import { serveCommands } from './electron/utility/serve.ts';
import { backUpTree, sealStores, toFolderFilter } from './engine/internal.ts';
import { MetricsCollector } from './metrics/metrics-collector.ts';
import { warnAboutSlowCalls } from './metrics/slow-calls.ts';
import { openEngine } from './open-engine.ts';

serveCommands(process.parentPort, async (opening, attached, onDamaged) => {
  const { directory, userData, stores, windows: windowOptions, workerThread, exclusive, onDamage, storeKeys } = opening;
  const damage = new DamageGuard(directory, { onDamage, onDamaged });
  const options = { windows: windowOptions, attached, userData, workerThread, exclusive, damage };
  const { engine, registry, windows, queues, close } = openEngine(
    directory,
    sealStores(await deserializeStores(stores), storeKeys),
    options,
  );
  const metrics = new MetricsCollector({
    directory,
    listStores: () => Object.entries(registry.stores),
    listQueues: () => queues.list(),
  });
  if (opening.metrics) metrics.start();
  if (opening.slowCallWarningMs !== undefined) warnAboutSlowCalls(opening.slowCallWarningMs);
  return {
    engine,
    close,
    openQueue: ({ name, options }) => void queues.find(name, options),
    runQuery(query, onProgress, signal) {
      switch (query.call) {
        case 'windows.list':
          return windows.list();
        case 'windows.clear':
          return windows.clear(query.name);
        case 'settings.read':
          return engine.readSettings(query.store);
        case 'metrics':
          return metrics.read();
        case 'backup':
          return backUpTree(directory, query.path, { includes: toFolderFilter(query.folders), onProgress, signal });
      }
    },
  };
});
