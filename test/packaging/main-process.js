// The main process of a small application, as the tests of this folder build it. It opens its stores with each of the placements in
// PLACEMENTS, one after the other, and prints what came of each as one line of JSON. It ends by itself.
import { readFileSync } from 'node:fs';
import { cache, defineStores } from 'deskcache';
import { DiskCacheError, openDiskCache, preloadPath } from 'deskcache/main';
import { app, session } from 'electron';

const stores = defineStores({ notes: cache() });

async function run(placement) {
  const host = await openDiskCache({ stores, placement });
  host.install(session.defaultSession);
  const [{ filePath }] = session.defaultSession.getPreloadScripts();
  const setting = host.stores.notes.set('key', { text: 'value', big: 2n ** 70n });
  await setting;
  const { text, big } = await host.stores.notes.get('key');
  const refused = await Promise.resolve()
    .then(() => host.stores.notes.get(() => {}))
    .catch((error) => error);
  await host.close();
  return {
    // Stores in the main process return values, those in the utility process promises.
    placement: setting instanceof Promise ? 'utility' : 'main',
    read: `${text} ${big}`,
    preload: filePath === preloadPath && readFileSync(filePath, 'utf8').includes('ipcRenderer'),
    error: refused instanceof DiskCacheError && refused.code,
  };
}

app.whenReady().then(async () => {
  const results = {};
  for (const placement of process.env.PLACEMENTS.split(',')) {
    results[placement] = await run(placement).catch(({ name, code, message }) => ({ name, code, message }));
  }
  console.log(JSON.stringify(results));
});
