import { cache, defineStores } from 'deskcache';

export const stores = defineStores({
  assets: cache<string | readonly (string | number)[], Uint8Array | string>(),
  uploads: cache<string, Uint8Array>({ sizeLimit: 2 ** 31 }),
  secret: cache<string, string>(),
});
