import { cache, defineStores, deque, index } from 'deskcache';

export const stores = defineStores({
  api: cache<string, unknown>(),
  secret: cache<string, string>(),
  settings: index<string, { readonly dark: boolean }>({ version: 1 }),
  outbox: deque<string>(),
});
