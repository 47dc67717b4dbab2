import { defineStores, settings } from '../../protocol/stores.ts';

interface AppSettings {
  theme: string;
  zoom: number;
}

/** Settings whose schema and migrations can't be sent to a utility process: it imports them from here. */
export const stores = defineStores({
  app: settings<AppSettings>({
    defaults: { theme: 'light', zoom: 1 },
    migrations: { 2: (stored) => stored.set('theme', `migrated ${stored.get('theme')}`) },
    schema: {
      zoom: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: (value) => (Number(value) > 0 ? { value: Number(value) } : { issues: [{ message: 'no zoom' }] }),
        },
      },
    },
  }),
});
