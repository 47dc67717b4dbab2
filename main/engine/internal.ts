/**
 * What other parts of this package use of the engine and applications do not. Unpublished: `index.ts` is the face of
 * `deskcache/engine`, and nothing in the engine imports this file.
 */
export { demandFlag, demandFunction, isRecord, iterated, optionsOf } from './cache/arguments.ts';
export { type KeyRange, parseKeyRange } from './cache/key-range.ts';
export { assertCacheOptions } from './cache/settings.ts';
export { STRUCTURE, type StructureOptions } from './cache/structure.ts';
export { isCorrupt, isDamage, mayPass } from './damage.ts';
export { CLOCK_TOLERANCE_MS, describeOwner, isGone, newOwner, type Owner } from './owner.ts';
export { limitWaits, waitBriefly } from './sqlite/patience.ts';
export { type Allowance, allowing, OutOfTime, transiently } from './values/allowance.ts';
export { isEqual } from './values/equality.ts';
export { encodeKey, type KeyColumn } from './values/key.ts';
export { asListener } from './warning.ts';
