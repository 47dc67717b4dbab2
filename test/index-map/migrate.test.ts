import { describe, expect, it } from 'vitest';
import { Index, type IndexOptions } from '../../main/engine/index-map/index-map.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

interface Settings {
  readonly size: number;
}

function createOldIndex(version?: number): string {
  const directory = freshDirectory();
  using index = new Index<string, unknown>(directory, version === undefined ? {} : { version });
  index.set('small', 1).set('large', 'x'.repeat(50_000));
  return directory;
}

const entries = (directory: string, options: IndexOptions<string, unknown> = {}) => {
  using index = new Index<string, unknown>(directory, options);
  return [...index];
};

const failMigration: IndexOptions['migrate'] = () => {
  throw new Error('migrate was called');
};

const catchError = (work: () => unknown): DiskCacheError => {
  try {
    work();
  } catch (error) {
    if (error instanceof DiskCacheError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('a migration', () => {
  it('runs once, sees the data of the older version, and is permanent', () => {
    const directory = createOldIndex();
    const froms: number[] = [];
    const options: IndexOptions<string, unknown> = {
      version: 3,
      migrate(index, from) {
        froms.push(from);
        for (const [key, value] of index) index.set(key, { size: value });
        index.delete('large');
      },
    };
    expect(entries(directory, options)).toEqual([['small', { size: 1 }]]);
    expect(entries(directory, options)).toEqual([['small', { size: 1 }]]);
    expect(froms).toEqual([1]);
    expect(entries(directory, { version: 4, migrate: (_, from) => void froms.push(from) })).toHaveLength(1);
    expect(froms).toEqual([1, 3]);
  });

  it('does not run in a new directory, nor for the same version', () => {
    const directory = freshDirectory();
    expect(entries(directory, { version: 7, migrate: failMigration })).toEqual([]);
    expect(entries(directory, { version: 7, migrate: failMigration })).toEqual([]);
  });

  it('that throws leaves everything unchanged, and reports why', () => {
    const directory = createOldIndex(2);
    const before = entries(directory, { version: 2 });
    const cause = new Error('on purpose');
    const error = catchError(
      () =>
        new Index<string, unknown>(directory, {
          version: 3,
          migrate(index) {
            index.delete('large');
            index.set('new', 'y'.repeat(60_000));
            throw cause;
          },
        }),
    );
    expect(error).toMatchObject({ code: 'BAD_OPTION', cause });
    expect(error.message).toContain('from version 2 to 3 failed and was undone: on purpose');
    expect(entries(directory, { version: 2 })).toEqual(before);
    expect(
      catchError(() => entries(directory, { version: 3, migrate: (i) => void i.set('f', (() => {}) as never) })).code,
    ).toBe('BAD_VALUE');
    const asynchronous = async (index: Index<string, unknown>) => void index.clear();
    expect(catchError(() => entries(directory, { version: 3, migrate: asynchronous })).code).toBe('BAD_OPTION');
    const closing = (index: Index<string, unknown>) => index.close();
    expect(catchError(() => entries(directory, { version: 3, migrate: closing })).code).toBe('BAD_OPTION');
    expect(entries(directory, { version: 2 })).toEqual(before);
    expect(entries(directory, { version: 3, migrate: () => {} })).toEqual(before);
  });

  it('never goes backwards', () => {
    const directory = createOldIndex(5);
    for (const options of [{ version: 4, migrate: failMigration }, { version: 1 }, {}]) {
      expect(catchError(() => entries(directory, options))).toMatchObject({ code: 'UNSUPPORTED_VERSION' });
    }
    expect(entries(directory, { version: 5 })).toHaveLength(2);
  });

  it('is required for an older version', () => {
    const directory = createOldIndex();
    expect(catchError(() => entries(directory, { version: 2 }))).toMatchObject({ code: 'BAD_OPTION' });
    for (const version of [0, 1.5, Number.NaN, '2' as unknown as number]) {
      expect(catchError(() => entries(directory, { version }))).toMatchObject({ code: 'BAD_OPTION' });
    }
    expect(entries(directory)).toHaveLength(2);
  });

  it('reads without the new schema and writes through it', () => {
    const directory = createOldIndex();
    const schema = {
      '~standard': {
        version: 1,
        validate: (value: unknown) =>
          typeof (value as Settings | null)?.size === 'number'
            ? { value: value as Settings }
            : { issues: [{ message: 'no number', path: ['size'] }] },
      },
    } as const;
    const broken = catchError(
      () =>
        new Index<string, Settings>(directory, { version: 2, schema, migrate: (index) => void index.set('small', 2) }),
    );
    expect(broken.message).toMatch(
      /undone: The value of 'small' .* does not match the schema \(value\.size: no number\)/,
    );
    using index = new Index<string, Settings>(directory, {
      version: 2,
      schema,
      migrate(index) {
        for (const [key, value] of index) index.set(key, { size: Number(String(value).length) });
      },
    });
    expect([...index]).toEqual([
      ['small', { size: 1 }],
      ['large', { size: 50_000 }],
    ]);
  });
});
