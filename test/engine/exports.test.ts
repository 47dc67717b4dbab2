import { expect, it } from 'vitest';
import * as engine from '../../main/engine/index.ts';

it('deskcache/engine exports the public classes and functions and nothing else', () => {
  expect(Object.keys(engine).sort()).toEqual([
    'Averager',
    'BoundedSemaphore',
    'Cache',
    'Deque',
    'DiskCacheError',
    'ERROR_CODES',
    'FanoutCache',
    'Index',
    'Lock',
    'RLock',
    'Settings',
    'barrier',
    'reopen',
    'salvage',
    'temporaryDirectory',
    'throttle',
  ]);
});
