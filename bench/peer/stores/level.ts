import { join } from 'node:path';
import { AWAITS, type ItemForm, loadPackage, type Peer } from './store.ts';

export const LEVEL = 'LevelDB';

const ENCODINGS = { text: 'utf8', bytes: 'view', object: 'json' } as const satisfies Record<ItemForm, string>;

export const LEVEL_PEER: Peer = {
  name: LEVEL,
  settings: { process: 'put awaited, sync: false', power: 'put awaited, sync: true' },
  forms: ['text', 'bytes', 'object'],
  async open(directory, { durability, form }) {
    const { ClassicLevel } = await loadPackage<typeof import('classic-level')>('classic-level');
    const database = new ClassicLevel<string, unknown>(join(directory, 'peer.level'), {
      valueEncoding: ENCODINGS[form],
    });
    await database.open();
    const options = { sync: durability === 'power' };
    return {
      awaits: AWAITS.WRITES,
      get: (key) => database.getSync(key),
      set: (key, value) => database.put(key, value, options),
      delete: (key) => database.del(key, options),
      setMany: (entries) =>
        database.batch(
          entries.map(([key, value]) => ({ type: 'put', key, value })),
          options,
        ),
      close: () => database.close(),
    };
  },
};
