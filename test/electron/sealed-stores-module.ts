import { cache, defineStores } from '../../protocol/stores.ts';

/** Imported by a utility process, because a function can't be sent there; neither can the keys be in it. */
export const stores = defineStores({ secrets: cache({ sealed: true, clock: () => 1_700_000_000_000 }) });
