/** Stores that keep their items in plain files: cacache one for each item, conf all of them in one. */
import { join } from 'node:path';
import { AWAITS, type ItemForm, loadPackage, type Peer } from './store.ts';

export const CACACHE = 'cacache';
export const CONF = 'conf';

/** The part of cacache that is used; the package brings no types. */
interface Cacache {
  readonly put: (directory: string, key: string, data: string | Uint8Array) => Promise<unknown>;
  readonly get: (directory: string, key: string) => Promise<{ readonly data: Buffer }>;
  readonly rm: { entry(directory: string, key: string): Promise<unknown> };
}

const toData = (form: ItemForm, value: unknown): string | Uint8Array =>
  form === 'object' ? JSON.stringify(value) : (value as string | Uint8Array);
function fromData(form: ItemForm, data: Buffer): unknown {
  if (form === 'bytes') return data;
  return form === 'text' ? data.toString() : JSON.parse(data.toString());
}

export const CACACHE_PEER: Peer = {
  name: CACACHE,
  settings: { process: 'a file written and renamed; nothing is ever synced' },
  share: 0.005,
  maxItems: 1000,
  forms: ['text', 'bytes', 'object'],
  hasTransactions: false,
  async open(directory, { form }) {
    const { default: cacache } = await loadPackage<{ readonly default: Cacache }>('cacache');
    const path = join(directory, 'peer');
    const set = (key: string, value: unknown) => cacache.put(path, key, toData(form, value));
    return {
      awaits: AWAITS.ASYNCHRONOUS,
      async get(key) {
        try {
          return fromData(form, (await cacache.get(path, key)).data);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
          throw error;
        }
      },
      set,
      delete: (key) => cacache.rm.entry(path, key),
      setMany: async (entries) => {
        for (const [key, value] of entries) await set(key, value);
      },
      close() {},
    };
  },
};

export const CONF_PEER: Peer = {
  name: CONF,
  settings: {
    process: 'the whole file written, synced and renamed at each set; the same for both',
    power: 'the whole file written, synced and renamed at each set; the same for both',
  },
  share: 0.0025,
  maxItems: 1000,
  forms: ['text', 'object'],
  async open(directory) {
    const { default: Conf } = await loadPackage<typeof import('conf')>('conf');
    const conf = new Conf<Record<string, unknown>>({
      cwd: directory,
      configName: 'peer',
      accessPropertiesByDotNotation: false,
    });
    return {
      awaits: AWAITS.SYNCHRONOUS,
      get: (key) => conf.get(key),
      set: (key, value) => conf.set(key, value),
      delete: (key) => conf.delete(key),
      setMany: (entries) => conf.set(Object.fromEntries(entries)),
      close() {},
    };
  },
};
