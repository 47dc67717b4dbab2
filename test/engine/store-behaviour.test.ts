import { storeBehaviour } from '../suites/store-behaviour.ts';
import { openAsyncEngine } from './engine-fixture.ts';

storeBehaviour('Cache', openAsyncEngine);
storeBehaviour('Cache with durability "power"', (options) => openAsyncEngine({ durability: 'power', ...options }));
storeBehaviour('Cache without memory', (options) => openAsyncEngine({ memory: 0, ...options }));
storeBehaviour('Cache, exclusive', (options) => openAsyncEngine({ exclusive: true, ...options }));
