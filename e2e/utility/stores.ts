import { cache, defineStores, deque, index } from 'deskcache';

/** What the utility process imports by itself, for functions can't be sent there. */
export const stores = defineStores({
  api: cache<string, unknown>(),
  assets: cache<string, string>(),
  alone: cache<string, string>({ exclusive: true }),
  outbox: deque<number>(),
  numbers: index<string, number>({
    schema: {
      '~standard': {
        version: 1,
        validate(value) {
          // A crash in the middle of a transaction, wherever the schema runs.
          if (value === 'crash') process.exit(9);
          return typeof value === 'number' ? { value } : { issues: [{ message: 'It is no number' }] };
        },
      },
    },
  }),
});
