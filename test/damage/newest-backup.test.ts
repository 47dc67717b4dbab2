import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findNewestBackup } from '../../main/damage/newest-backup.ts';
import { Index } from '../../main/engine/index.ts';
import { corruptPages, getRootPage } from '../engine/damaged-file.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

function createBackup(host: string, stamp: string, isFinished = true): string {
  const directory = join(host, '_backups', stamp, '_queues', 'mail');
  using index = new Index(directory);
  index.set('a', 1);
  if (isFinished) writeFileSync(join(host, '_backups', stamp, 'backup.json'), '{}');
  return directory;
}

it('finds the newest backup that is finished and undamaged, and has the store', () => {
  const host = freshDirectory();
  expect(findNewestBackup(host, '_queues/mail')).toBeUndefined();
  const older = createBackup(host, '2026-11-01T04-10-00Z');
  const newer = createBackup(host, '2026-11-02T04-10-00Z');
  createBackup(host, '2026-11-03T04-10-00Z', false);
  createBackup(host, 'another folder');
  mkdirSync(join(host, '_backups', '2026-11-04T04-10-00Z'));
  writeFileSync(join(host, '_backups', '2026-11-04T04-10-00Z', 'backup.json'), '{}');
  expect(findNewestBackup(host, '_queues/mail')).toBe(newer);
  corruptPages(newer, [getRootPage(newer, 'entry')]);
  expect(findNewestBackup(host, '_queues/mail')).toBe(older);
  expect(findNewestBackup(host, 'notes')).toBeUndefined();
});
