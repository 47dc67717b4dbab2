import { cache, defineStores, index } from 'deskcache';

/** The utility process imports this by itself, for the function in it. */
export const stores = defineStores({
  notes: cache<string, unknown>(),
  assets: cache<string, Uint8Array | string>({ sizeLimit: 2 ** 31 }),
  uploads: cache<string, Uint8Array>(),
  http: cache({ evictionPolicy: 'least-recently-used' }),
  processes: index<string, unknown>({
    schema: {
      '~standard': {
        version: 1,
        // Whoever writes 'pid' finds the id of the process that has the engine.
        validate: (value) => ({ value: value === 'pid' ? process.pid : value }),
      },
    },
  }),
});
