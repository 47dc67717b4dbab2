import { storeBehaviour } from '../suites/store-behaviour.ts';
import { openEngine } from './over-the-engine.ts';

storeBehaviour('Cache', openEngine);
storeBehaviour('Cache with durability "power"', (options) => openEngine({ durability: 'power', ...options }));
storeBehaviour('Cache without memory', (options) => openEngine({ memory: 0, ...options }));
storeBehaviour('Cache, exclusive', (options) => openEngine({ exclusive: true, ...options }));
