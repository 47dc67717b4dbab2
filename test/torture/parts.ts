import { crowd } from './crowd.ts';
import { damages } from './damages.ts';
import { hostilePage } from './hostile.ts';
import { kills } from './kills.ts';
import type { Part } from './part.ts';
import { powerCuts } from './power-cuts.ts';
import { systemErrors } from './system-errors.ts';

/** In the order in which they run. */
export const PARTS: readonly Part[] = [kills, damages, powerCuts, systemErrors, crowd, hostilePage];
