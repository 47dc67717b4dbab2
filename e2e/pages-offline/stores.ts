import { cache, defineStores } from 'deskcache';

export const stores = defineStores({ http: cache({ evictionPolicy: 'least-recently-used' }) });
