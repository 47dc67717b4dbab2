import { backupKillSuite } from './backup-kills.ts';
import { crowdSuite } from './crowd.ts';
import { damageSuite, placedDamageSuite } from './damage-suite.ts';
import { damagedStartSuite } from './damaged-start-suite.ts';
import { hostilePageSuite } from './hostile.ts';
import { importKillSuite } from './import-kills.ts';
import { brokenRuleSuite } from './journal/broken-rules.ts';
import { journalDamageSuite } from './journal/damages.ts';
import { journalKillSuite } from './journal/kills.ts';
import { journalCutSuite } from './journal/power-cuts.ts';
import { keyRotationSuite } from './key-rotations.ts';
import { killSuite } from './kills.ts';
import { powerCutSuite } from './power-cuts.ts';
import { salvageKillSuite } from './salvage-kills.ts';
import type { TortureSuite } from './suite.ts';
import { systemErrorSuite } from './system-errors.ts';

/** Of the short form, in the order in which they run. */
export const SUITES: readonly TortureSuite[] = [
  killSuite,
  journalKillSuite,
  keyRotationSuite,
  damageSuite,
  placedDamageSuite,
  journalDamageSuite,
  damagedStartSuite,
  backupKillSuite,
  salvageKillSuite,
  importKillSuite,
  powerCutSuite,
  journalCutSuite,
  systemErrorSuite,
  crowdSuite,
  hostilePageSuite,
];

/** Rules taken out are noticed by some of some hundred power cuts, which is too long for the short form. */
export const LONG_SUITES: readonly TortureSuite[] = [...SUITES, brokenRuleSuite];
