import { cache, defineStores } from 'deskcache';

export const stores = defineStores({ api: cache<string, unknown>(), secret: cache<string, string>() });
