import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FanoutCache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const failure = (code: string, says = /./) => expect.objectContaining({ code, message: expect.stringMatching(says) });
const manifest = (directory: string) => join(directory, 'fanout.json');
const shard = (directory: string, number: number) => join(directory, 'shards', `00${number}`);

function createFilledFanout(): string {
  const directory = join(freshDirectory(), 'fanout');
  using fanout = new FanoutCache<number, number>(directory, { shards: 3 });
  for (let n = 0; n < 100; n++) fanout.set(n, n);
  return directory;
}

const expectComplete = (directory: string) => {
  using fanout = new FanoutCache<number, number>(directory);
  expect(fanout.size).toBe(100);
  for (let n = 0; n < 100; n++) expect(fanout.get(n)).toBe(n);
};

describe('a FanoutCache that has lost a part is not opened with the rest', () => {
  it('without its manifest: what is missing is told, and put back it is whole', () => {
    const directory = createFilledFanout();
    const text = readFileSync(manifest(directory), 'utf8');
    rmSync(manifest(directory));
    for (const options of [{}, { shards: 3 }, { shards: 8 }, { readOnly: true }]) {
      expect(() => new FanoutCache(directory, options)).toThrow(failure('CORRUPT', /"shards":3,"folder":"shards"/));
    }
    writeFileSync(manifest(directory), '{"format":1,"shards":3,"folder":"shards"}');
    expectComplete(directory);
    writeFileSync(manifest(directory), text);
    expectComplete(directory);
  });

  it.each([0, 1, 2])('without the shard %i', (number) => {
    const directory = createFilledFanout();
    renameSync(shard(directory, number), `${directory}-away`);
    for (const readOnly of [false, true]) {
      expect(() => new FanoutCache(directory, { readOnly })).toThrow(
        failure('CORRUPT', new RegExp(`00${number}.*missing`)),
      );
    }
    renameSync(`${directory}-away`, shard(directory, number));
    expectComplete(directory);
  });

  it('with the shard of another one, or its own in another place', () => {
    const [directory, other] = [createFilledFanout(), createFilledFanout()];
    renameSync(shard(directory, 1), `${directory}-away`);
    renameSync(shard(other, 1), shard(directory, 1));
    expect(() => new FanoutCache(directory)).toThrow(failure('CORRUPT', /not the shard 1 of this/));
    renameSync(shard(directory, 1), shard(other, 1));
    renameSync(shard(directory, 2), shard(directory, 1));
    renameSync(`${directory}-away`, shard(directory, 2));
    expect(() => new FanoutCache(directory)).toThrow(failure('CORRUPT', /2 of 3/));
    renameSync(shard(directory, 1), `${directory}-away`);
    renameSync(shard(directory, 2), shard(directory, 1));
    renameSync(`${directory}-away`, shard(directory, 2));
    expectComplete(directory);
    expectComplete(other);
  });

  it.each([
    ['that names fewer shards', { shards: 2 }],
    ['that names one', { shards: 1 }],
    ['that names more', { shards: 4 }],
    ['that names another folder', { folder: 'shards-1' }],
  ])('with a manifest of an older copy %s, with and without an id', (_, changed) => {
    const directory = createFilledFanout();
    const text = readFileSync(manifest(directory), 'utf8');
    const { id, ...rest } = JSON.parse(text);
    for (const older of [
      { ...rest, ...changed },
      { ...rest, id, ...changed },
    ]) {
      writeFileSync(manifest(directory), JSON.stringify(older));
      for (const readOnly of [false, true]) {
        expect(() => new FanoutCache(directory, { readOnly })).toThrow(failure('CORRUPT'));
      }
    }
    writeFileSync(manifest(directory), text);
    expectComplete(directory);
  });

  it('with a shard of another one under a manifest without an id', () => {
    const [directory, other] = [createFilledFanout(), createFilledFanout()];
    writeFileSync(manifest(directory), '{"format":1,"shards":3,"folder":"shards"}');
    renameSync(shard(directory, 1), `${directory}-away`);
    renameSync(shard(other, 1), shard(directory, 1));
    expect(() => new FanoutCache(directory)).toThrow(failure('CORRUPT', /not the shard 1 of this/));
  });

  it('while one whose maker died half-way is made to its end', () => {
    const directory = createFilledFanout();
    const fresh = join(freshDirectory(), 'fresh');
    mkdirSync(fresh);
    writeFileSync(manifest(fresh), readFileSync(manifest(directory)));
    using fanout = new FanoutCache(fresh);
    fanout.set('k', 1);
    expect([fanout.shards, fanout.get('k')]).toEqual([3, 1]);
  });
});

describe('a planted manifest', () => {
  it.each([
    { format: 1, shards: 5000, folder: 'shards' },
    { format: 1, shards: '2', folder: 'shards' },
    { format: 1, shards: 2, folder: ['shards'] },
    { format: 1, shards: 2, folder: '../shards' },
  ])('%o is refused, and nothing is made', (text) => {
    const directory = freshDirectory();
    writeFileSync(manifest(directory), JSON.stringify(text));
    expect(() => new FanoutCache(directory)).toThrow(failure('CORRUPT'));
  });

  it.skipIf(process.platform === 'win32')(
    'that is a link, or huge, is not read; a shard that is a link is not opened',
    () => {
      const directory = createFilledFanout();
      const away = `${directory}-away`;
      renameSync(manifest(directory), away);
      symlinkSync(away, manifest(directory));
      expect(() => new FanoutCache(directory)).toThrow(failure('CORRUPT', /link/));
      rmSync(manifest(directory));
      writeFileSync(manifest(directory), ' '.repeat(1024 * 1024));
      expect(() => new FanoutCache(directory)).toThrow(failure('CORRUPT'));
      rmSync(manifest(directory));
      renameSync(away, manifest(directory));
      renameSync(shard(directory, 1), away);
      symlinkSync(away, shard(directory, 1));
      expect(() => new FanoutCache(directory)).toThrow(failure('NOT_ALLOWED', /link/));
    },
  );
});
