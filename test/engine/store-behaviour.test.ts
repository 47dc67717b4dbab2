import { storeBehaviour } from '../suites/store-behaviour.ts';
import { openAsyncEngine } from './engine-fixture.ts';

/** Any 32 bytes. */
const KEY = new Uint8Array(32).fill(7);

storeBehaviour('Cache', openAsyncEngine);
storeBehaviour('Cache with durability "power"', (options) => openAsyncEngine({ durability: 'power', ...options }));
storeBehaviour('Cache without memory', (options) => openAsyncEngine({ memory: 0, ...options }));
storeBehaviour('Cache, exclusive', (options) => openAsyncEngine({ exclusive: true, ...options }));
storeBehaviour('Cache, sealed', (options) => openAsyncEngine({ encryptionKey: KEY, ...options }));
storeBehaviour('Cache, sealed, in files', (options) =>
  openAsyncEngine({ encryptionKey: KEY, fileThreshold: 0, memory: 0, ...options }),
);
storeBehaviour('Cache, sealed and exclusive', (options) =>
  openAsyncEngine({ encryptionKey: KEY, exclusive: true, ...options }),
);
