import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { findDatabases, type StoreKind } from './damaged-stores.ts';

/*
 * Damages at chosen places, each tried once: what random damage seldom meets. A damage changes the files of a closed store.
 */

export interface PlacedDamage {
  readonly what: string;
  /** Changes the files of a store. */
  readonly harm: (directory: string) => void;
  /** What SQLite can't tell from something that is allowed: the end of a log, a database that may only be read. */
  readonly leaves?: 'an earlier state' | 'a store that is read';
}

const PAGE_SIZE_OFFSET = 16;
const HEADER_BYTES = 100;
const WAL_HEADER_BYTES = 32;
const WAL_FRAME_HEADER_BYTES = 24;

function changeFile(path: string, change: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = readFileSync(path);
  writeFileSync(path, change(bytes) ?? bytes);
}

const changeDatabase =
  (change: (bytes: Buffer, pageSize: number) => Buffer | undefined) =>
  (directory: string): void =>
    changeFile(findDatabases(directory)[0]!, (bytes) => change(bytes, bytes.readUInt16BE(PAGE_SIZE_OFFSET)));

const getPage = (bytes: Buffer, size: number, page: number): Buffer => bytes.subarray((page - 1) * size, page * size);

function exchange(bytes: Buffer, size: number, one: number, other: number): undefined {
  const first = Buffer.from(getPage(bytes, size, one));
  getPage(bytes, size, other).copy(getPage(bytes, size, one));
  first.copy(getPage(bytes, size, other));
}

interface NamedPage {
  readonly name: string;
  readonly page: number;
}

/** The root, one other page and one overflow page of each table and index, the page map, and free pages. */
function findPages(whole: string): NamedPage[] {
  const path = findDatabases(whole)[0]!;
  const database = new Database(path, { readonly: true });
  const rows = database
    .prepare<[], [string, string, number]>('SELECT name, pagetype, pageno FROM dbstat ORDER BY name, pageno')
    .raw()
    .all();
  database.close();
  const found = new Map<string, number>([['page map', 2]]);
  for (const [name, type, page] of rows) {
    for (const label of [`${name} root`, `${name} ${type}`]) if (!found.has(label)) found.set(label, page);
  }
  const bytes = readFileSync(path);
  const trunk = bytes.readUInt32BE(32);
  if (trunk > 0) {
    found.set('free trunk', trunk);
    const size = bytes.readUInt16BE(PAGE_SIZE_OFFSET);
    if (getPage(bytes, size, trunk).readUInt32BE(4) > 0)
      found.set('free leaf', getPage(bytes, size, trunk).readUInt32BE(8));
  }
  const named = Array.from(found, ([name, page]) => ({ name, page }));
  return named.filter(({ page }, nth) => named.findIndex((other) => other.page === page) === nth);
}

function* damagePages(whole: string): Generator<PlacedDamage> {
  const pages = findPages(whole);
  for (const [nth, one] of pages.entries()) {
    for (const other of pages.slice(nth + 1)) {
      yield {
        what: `${one.name} and ${other.name} exchanged`,
        harm: changeDatabase((bytes, size) => exchange(bytes, size, one.page, other.page)),
      };
      for (const [from, to] of [
        [one, other],
        [other, one],
      ] as const) {
        if (to.page > 1)
          yield {
            what: `${from.name} twice, also as ${to.name}`,
            harm: changeDatabase((bytes, size) => {
              getPage(bytes, size, from.page).copy(getPage(bytes, size, to.page));
              return undefined;
            }),
          };
      }
    }
    for (const [how, byte] of [
      ['zeros', 0],
      ['ones', 0xff],
    ] as const) {
      const start = one.page === 1 ? HEADER_BYTES : 0;
      yield {
        what: `${one.name} all ${how}`,
        harm: changeDatabase((bytes, size) => {
          getPage(bytes, size, one.page).fill(byte, start);
          return undefined;
        }),
      };
      yield {
        what: `${one.name} with a number of ${how} in front`,
        harm: changeDatabase((bytes, size) => {
          getPage(bytes, size, one.page).fill(byte, start, start + 4);
          return undefined;
        }),
      };
    }
    yield {
      what: `${one.name} led to itself`,
      harm: changeDatabase((bytes, size) => {
        getPage(bytes, size, one.page).writeUInt32BE(one.page, one.page === 1 ? HEADER_BYTES + 8 : 0);
        return undefined;
      }),
    };
  }
}

function* damageHeader(): Generator<PlacedDamage> {
  for (let at = 0; at < HEADER_BYTES; at++) {
    for (const [how, change] of [
      ['0', () => 0],
      ['255', () => 0xff],
      ['one more', (byte: number) => (byte + 1) & 0xff],
    ] as const) {
      yield {
        what: `byte ${at} of the header ${how}`,
        // The version that a writer has to know; a greater one may be read.
        ...(at === 18 && { leaves: 'a store that is read' }),
        harm: changeDatabase((bytes) => {
          bytes[at] = change(bytes[at]!);
          return undefined;
        }),
      };
    }
  }
}

function* damageLength(): Generator<PlacedDamage> {
  const cuts: Readonly<Record<string, (size: number, page: number) => number>> = {
    'a byte': (size) => size - 1,
    'half a page': (size, page) => size - page / 2,
    'all but a byte of the last page': (size, page) => size - page + 1,
    'a page': (size, page) => size - page,
    'ten pages': (size, page) => size - 10 * page,
    'all but the first page': (_, page) => page,
    'all but half of the first page': (_, page) => page / 2,
    'all but the header': () => HEADER_BYTES,
    'all but a byte': () => 1,
    everything: () => 0,
  };
  for (const [what, cut] of Object.entries(cuts)) {
    yield {
      what: `${what} cut off`,
      harm: changeDatabase((bytes, size) => bytes.subarray(0, cut(bytes.length, size))),
    };
  }
  for (const extra of [1, 4096, 40_960]) {
    yield {
      what: `${extra} bytes of noise behind the end`,
      harm: changeDatabase((bytes) => Buffer.concat([bytes, Buffer.alloc(extra, 0xa5)])),
    };
  }
}

/** Of a store whose log was not written back. */
function* damageLog(): Generator<PlacedDamage> {
  const changeLog =
    (change: (bytes: Buffer, pageSize: number) => Buffer | undefined) =>
    (directory: string): void =>
      changeFile(`${findDatabases(directory)[0]!}-wal`, (bytes) =>
        bytes.length === 0 ? undefined : change(bytes, bytes.readUInt32BE(8)),
      );
  const getFrame = (pageSize: number, nth: number) => WAL_HEADER_BYTES + nth * (WAL_FRAME_HEADER_BYTES + pageSize);
  for (const nth of [0, 1, 5]) {
    for (const [what, at] of [
      ['page number', 3],
      ['size after a commit', 7],
      ['salt', 8],
      ['second salt', 12],
      ['checksum', 16],
      ['page', WAL_FRAME_HEADER_BYTES + 100],
    ] as const) {
      yield {
        what: `the log with another ${what} in frame ${nth}`,
        harm: changeLog((bytes, pageSize) => {
          const place = getFrame(pageSize, nth) + at;
          if (place < bytes.length) bytes[place]! ^= 0x5a;
          return undefined;
        }),
      };
    }
  }
  for (let at = 0; at < WAL_HEADER_BYTES; at += 2) {
    yield {
      what: `the log with another byte ${at} in its header`,
      harm: changeLog((bytes) => {
        bytes[at]! ^= 0x5a;
        return undefined;
      }),
    };
  }
  for (const [what, length] of [
    ['a byte', 1],
    ['its header', WAL_HEADER_BYTES],
    ['half a frame', WAL_HEADER_BYTES + 2000],
    ['all but a byte', -1],
  ] as const) {
    yield { what: `of the log only ${what}`, harm: changeLog((bytes) => bytes.subarray(0, length)) };
  }
  yield { what: 'noise as the log', harm: changeLog((bytes) => bytes.fill(0xa5)) };
  yield {
    what: 'a database as the log',
    harm: (directory) => {
      const [path] = findDatabases(directory);
      copyFileSync(path!, `${path}-wal`);
    },
  };
  yield* damageSharedMemory();
}

function* damageSharedMemory(): Generator<PlacedDamage> {
  const bytes = {
    'one byte': Buffer.alloc(1, 0xa5),
    noise: Buffer.alloc(32_768, 0xa5),
    'much noise': Buffer.alloc(1_000_000, 0x5a),
    zeros: Buffer.alloc(32_768),
    'half a page': Buffer.alloc(2048, 0xff),
  };
  for (const [what, content] of Object.entries(bytes)) {
    yield {
      what: `${what} as the shared memory`,
      harm: (directory) => writeFileSync(`${findDatabases(directory)[0]!}-shm`, content),
    };
  }
}

const findValueFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith('.val'))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();

function* damageValueFiles(): Generator<PlacedDamage> {
  const change = (what: string, harm: (one: string, other: string) => void): PlacedDamage => ({
    what: `a value file ${what}`,
    harm: (directory) => {
      const [one, other] = findValueFiles(directory);
      if (one !== undefined && other !== undefined) harm(one, other);
    },
  });
  yield change('exchanged with another one', (one, other) => {
    const first = readFileSync(one);
    copyFileSync(other, one);
    writeFileSync(other, first);
  });
  yield change('with the bytes of another one', (one, other) => copyFileSync(one, other));
  yield change('cut by a byte', (one) => changeFile(one, (bytes) => bytes.subarray(0, -1)));
  yield change('with a byte more', (one) => changeFile(one, (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])));
  yield change('of no bytes', (one) => writeFileSync(one, ''));
  yield change('with another byte', (one) =>
    changeFile(one, (bytes) => {
      bytes[bytes.length >> 1]! ^= 1;
      return undefined;
    }),
  );
  yield change('deleted', (one) => rmSync(one));
  yield change('that is a folder', (one) => {
    rmSync(one);
    cpSync(join(one, '..', '..', 'stage'), one, { recursive: true });
  });
  yield {
    what: 'all value files deleted',
    harm: (directory) => {
      for (const path of findValueFiles(directory)) rmSync(path);
    },
  };
  yield {
    what: 'the folder of value files deleted',
    harm: (directory) => {
      for (const path of findDatabases(directory)) rmSync(join(path, '..', 'values'), { recursive: true, force: true });
    },
  };
  for (const [what, content] of [
    ['no bytes', ''],
    ['noise', 'x'.repeat(100_000)],
  ] as const) {
    yield {
      what: `a reserve of ${what}`,
      harm: (directory) => writeFileSync(join(findDatabases(directory)[0]!, '..', 'reserve'), content),
    };
  }
}

function* damageManifest(): Generator<PlacedDamage> {
  const path = (directory: string) => join(directory, 'fanout.json');
  const texts = {
    'of no bytes': '',
    'of zeros': '\0'.repeat(100),
    'that is no JSON': '{"format":1,',
    'that is a list': '[]',
    'that is null': 'null',
    'that is a number': '7',
    'of no shards': '{"format":1,"shards":0,"folder":"shards"}',
    'of half a shard': '{"format":1,"shards":1.5,"folder":"shards"}',
    'of a shard too few': '{"format":1,"shards":1,"folder":"shards"}',
    'of a shard too many': '{"format":1,"shards":3,"folder":"shards"}',
    'of very many shards': '{"format":1,"shards":1e9,"folder":"shards"}',
    'of a folder elsewhere': '{"format":1,"shards":2,"folder":"../shards"}',
    'of another folder': '{"format":1,"shards":2,"folder":"shards-2"}',
    'of a later format': '{"format":2,"shards":2,"folder":"shards"}',
    'of no format': '{"shards":2,"folder":"shards"}',
    'of another store': '{"format":1,"shards":2,"folder":"shards","id":"00000000-0000-4000-8000-000000000000"}',
    'without an id': '{"format":1,"shards":2,"folder":"shards"}',
    'of an id that is a number': '{"format":1,"shards":2,"folder":"shards","id":7}',
    'of much text': `{"format":1,"shards":2,"folder":"shards","x":"${'x'.repeat(100_000)}"}`,
    'behind a byte order mark': '\uFEFF{"format":1,"shards":2,"folder":"shards"}',
  };
  for (const [what, text] of Object.entries(texts))
    yield { what: `a manifest ${what}`, harm: (directory) => writeFileSync(path(directory), text) };
  yield {
    what: 'a manifest cut in its middle',
    harm: (directory) => changeFile(path(directory), (bytes) => bytes.subarray(0, bytes.length >> 1)),
  };
  yield { what: 'no manifest', harm: (directory) => rmSync(path(directory)) };
  yield {
    what: 'shards exchanged',
    harm: (directory) => {
      const [one, other] = findDatabases(directory).map((database) => join(database, '..'));
      cpSync(one!, join(directory, 'kept'), { recursive: true });
      rmSync(one!, { recursive: true });
      cpSync(other!, one!, { recursive: true });
      rmSync(other!, { recursive: true });
      cpSync(join(directory, 'kept'), other!, { recursive: true });
      rmSync(join(directory, 'kept'), { recursive: true });
    },
  };
}

/** The damages of stores of a kind; `whole` is one of them. */
export function getPlacedDamages(kind: StoreKind, whole: string): PlacedDamage[] {
  return [
    ...damagePages(whole),
    ...damageHeader(),
    ...damageLength(),
    ...damageSharedMemory(),
    ...damageValueFiles(),
    ...(kind.name === 'FanoutCache' ? damageManifest() : []),
  ];
}

/** The damages of a store that was not closed: it has a log. */
export const getLogDamages = (): PlacedDamage[] =>
  Array.from(damageLog(), (damage) => ({ ...damage, leaves: 'an earlier state' }));
