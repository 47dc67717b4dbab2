/** What runs in the page of the browser: IndexedDB, promised. Each function is sent as its text, so it may use nothing of this module. */

export type IndexedDbAction = 'set' | 'sets' | 'set in a transaction' | 'get' | 'gets';

export interface IndexedDbRequest {
  readonly action: IndexedDbAction;
  readonly keys: readonly string[];
  readonly bytes: number;
  /** The first byte of every value that is set, or that is expected. */
  readonly round: number;
  readonly durability: 'relaxed' | 'strict';
}

/** Does what is asked for and returns microseconds per item. Throws when a value is not there afterwards. */
export async function runIndexedDb({ action, keys, bytes, round, durability }: IndexedDbRequest): Promise<number> {
  const settle = <Result>(request: IDBRequest<Result>): Promise<Result> =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const commit = (transaction: IDBTransaction): Promise<void> =>
    new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
  const opening = indexedDB.open('bench', 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore('items');
  const database = await settle(opening);
  const value = new Uint8Array(bytes).fill(round);
  const set = (some: readonly string[]): Promise<void> => {
    const transaction = database.transaction('items', 'readwrite', { durability });
    for (const key of some) transaction.objectStore('items').put(value, key);
    return commit(transaction);
  };
  const get = (key: string): Promise<Uint8Array> =>
    settle(database.transaction('items').objectStore('items').get(key) as IDBRequest<Uint8Array>);
  const assertFound = (found: Uint8Array | undefined): void => {
    if (found?.length !== bytes || (action.startsWith('set') && found[0] !== round))
      throw new Error(`IndexedDB gave ${found?.length} bytes that begin with ${found?.[0]}`);
  };

  let found: Uint8Array[] = [];
  const startedAt = performance.now();
  if (action === 'set') for (const key of keys) await set([key]);
  else if (action === 'sets') await Promise.all(keys.map((key) => set([key])));
  else if (action === 'set in a transaction') await set(keys);
  else if (action === 'get') for (const key of keys) found.push(await get(key));
  else found = await Promise.all(keys.map(get));
  const figure = ((performance.now() - startedAt) * 1000) / keys.length;

  const sample = keys.filter((_, nth) => nth % 97 === 0);
  for (const each of action.startsWith('get') ? found : await Promise.all(sample.map(get))) assertFound(each);
  database.close();
  return figure;
}
