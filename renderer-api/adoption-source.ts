/** An entry of a page's own storage. */
export interface SourceEntry {
  readonly key: unknown;
  /** The object store of an entry of IndexedDB. */
  readonly objectStore?: string;
  readonly value: unknown;
}

export interface AdoptionSource {
  count(): Promise<number>;
  /** Yields the entries in chunks. */
  read(): AsyncGenerator<readonly SourceEntry[]>;
  remove(entries: readonly SourceEntry[]): Promise<void>;
}

/** Entries that are read together. If they are small, they are written to the store in one message. */
const CHUNK_ENTRIES = 64;

/** Opens a `Storage` or a database of IndexedDB. Returns undefined for anything else. */
export function openSource(source: unknown, objectStores: readonly string[] | undefined): AdoptionSource | undefined {
  const { getItem, objectStoreNames } = Object(source) as Partial<Storage & IDBDatabase>;
  if (typeof getItem === 'function') return openStorage(source as Storage);
  if (objectStoreNames === undefined) return undefined;
  return openDatabase(source as IDBDatabase, objectStores ?? Array.from(objectStoreNames));
}

function openStorage(storage: Storage): AdoptionSource {
  const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at)).filter((key) => key !== null);
  return {
    count: async () => keys.length,
    async *read() {
      for (let at = 0; at < keys.length; at += CHUNK_ENTRIES) {
        yield keys.slice(at, at + CHUNK_ENTRIES).flatMap((key) => {
          // The entry may have been removed since the keys were listed.
          const value = storage.getItem(key);
          return value === null ? [] : [{ key, value }];
        });
      }
    },
    async remove(entries) {
      for (const { key, value } of entries) if (storage.getItem(String(key)) === value) storage.removeItem(String(key));
    },
  };
}

function openDatabase(database: IDBDatabase, names: readonly string[]): AdoptionSource {
  return {
    async count() {
      if (names.length === 0) return 0;
      const transaction = database.transaction(names, 'readonly');
      const counts = await Promise.all(names.map((name) => settle(transaction.objectStore(name).count())));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async *read() {
      for (const name of names) {
        let after: IDBKeyRange | null = null;
        for (;;) {
          const store: IDBObjectStore = database.transaction(name, 'readonly').objectStore(name);
          const [keys, values]: [IDBValidKey[], unknown[]] = await Promise.all([
            settle(store.getAllKeys(after, CHUNK_ENTRIES)),
            settle(store.getAll(after, CHUNK_ENTRIES)),
          ]);
          if (keys.length === 0) break;
          yield keys.map((key, at) => ({ key, objectStore: name, value: values[at] }));
          after = IDBKeyRange.lowerBound(keys.at(-1), true);
        }
      }
    },
    async remove(entries) {
      const { objectStore } = entries[0] ?? {};
      if (objectStore === undefined) return;
      const transaction = database.transaction(objectStore, 'readwrite');
      await Promise.all(
        entries.map(({ key }) => settle(transaction.objectStore(objectStore).delete(key as IDBValidKey))),
      );
    },
  };
}

const settle = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
