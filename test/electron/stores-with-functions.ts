import { cache, defineStores, index } from '../../protocol/stores.ts';

/** Declarations that can't be sent to a utility process: it imports them from here. */
export const stores = defineStores({
  counts: index<string, number>({
    version: 2,
    migrate: (all, from) => {
      all.set('migrated from', from);
    },
    schema: {
      '~standard': {
        version: 1,
        validate: (value) =>
          typeof value === 'number' ? { value } : { issues: [{ message: `${typeof value} is no number` }] },
      },
    },
  }),
  api: cache(),
});
