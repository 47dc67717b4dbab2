import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** The long form: `DAMAGES=4000 npx vitest run --project slow test/torture`. */
const COUNT = process.env['DAMAGES'] ?? '48';
/** In a process of its own, which can be ended when a check or a walk does not end. Milliseconds for each damage. */
const PATIENCE = 5000;

it('random damage: nothing is wrong in silence, every check ends, a repair keeps what can be read', () => {
  const { stdout, stderr, signal } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'damage.ts'), COUNT, process.env['SEED'] ?? '77'],
    { encoding: 'utf8', timeout: 60_000 + Number(COUNT) * PATIENCE },
  );
  expect({ stderr, signal }).toEqual({ stderr: '', signal: null });
  const { faults, damages, kept, readable } = JSON.parse(stdout);
  expect(faults).toEqual([]);
  expect(damages).toBe(Number(COUNT));
  expect(kept).toBe(readable);
}, 3_600_000);
