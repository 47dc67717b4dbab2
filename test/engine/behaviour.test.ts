import { storeBehaviour } from '../suites/store-behaviour.ts';
import { openEngine } from './over-the-engine.ts';

storeBehaviour('Cache', openEngine);
storeBehaviour('Cache with durability "power"', () => openEngine({ durability: 'power' }));
