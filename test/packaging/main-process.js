// The main process of a small application, as the tests of this folder bundle it. Prints what happened as one line of JSON.
import { readFileSync } from 'node:fs';
import { cache, defineStores } from 'deskcache';
import { openDiskCache, preloadPath } from 'deskcache/main';
import { app, session } from 'electron';

const stores = defineStores({ notes: cache() });

async function run() {
  const host = await openDiskCache({ stores, placement: process.env.PLACEMENT });
  await host.stores.notes.set('key', { text: 'value', big: 2n ** 70n });
  const read = await host.stores.notes.get('key');
  host.install(session.defaultSession);
  const preload = session.defaultSession.getPreloadScripts()[0].filePath;
  await host.close();
  return {
    read: `${read.text} ${read.big}`,
    preload: readFileSync(preload, 'utf8').includes('ipcRenderer') && preload === preloadPath,
  };
}

app
  .whenReady()
  .then(run)
  .catch(({ name, code, message }) => ({ name, code, message }))
  .then((result) => {
    console.log(JSON.stringify(result));
    process.exit();
  });
