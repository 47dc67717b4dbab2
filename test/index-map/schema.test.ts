import { describe, expect, it } from 'vitest';
import { Index } from '../../main/engine/index-map/index-map.ts';
import type { SchemaIssue, SchemaResult, StandardSchema } from '../../main/engine/index-map/schema.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

interface Theme {
  readonly name: string;
  readonly contrast: number;
}

const createSchema = <Output>(
  validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>,
): StandardSchema<Output> =>
  // No cast: a validator written by hand, with the `vendor` that the standard requires, must compile.
  ({ '~standard': { version: 1, vendor: 'the test', validate } });

/** Accepts a name, which is trimmed, and a contrast, 1 by default. */
const theme = createSchema<Theme>((value) => {
  const { name, contrast = 1 } = Object(value) as Partial<Theme>;
  const issues: SchemaIssue[] = [];
  if (typeof name !== 'string') issues.push({ message: 'is no text', path: ['name'] });
  if (typeof contrast !== 'number') issues.push({ message: 'is no number', path: [{ key: 'contrast' }] });
  return issues.length > 0 ? { issues } : { value: { name: name!.trim(), contrast } };
});

const errorWithCode = (code: string) => expect.objectContaining({ code });

describe('a schema', () => {
  it('validates writes, and reports the path of the part that does not match', () => {
    using index = new Index<string, Theme>(freshDirectory(), { schema: theme, durability: 'process' });
    index.set('t', { name: ' dark ', contrast: 2 });
    expect(index.get('t')).toEqual({ name: 'dark', contrast: 2 });
    const wrong = { name: 7, contrast: 'high' } as unknown as Theme;
    const writes = [
      () => index.set('t', wrong),
      () =>
        index.setMany([
          ['new', { name: 'x', contrast: 1 }],
          ['t', wrong],
        ]),
      () => index.setDefault('new', wrong),
      () => index.update('t', () => wrong),
    ];
    for (const write of writes) {
      expect(write).toThrow(
        expect.objectContaining({
          code: 'BAD_VALUE',
          message: expect.stringMatching(/'(t|new)' .*\(value\.name: is no text; value\.contrast: is no number\)/),
          cause: [expect.objectContaining({ message: 'is no text' }), expect.anything()],
        }),
      );
    }
    expect([...index]).toEqual([['t', { name: 'dark', contrast: 2 }]]);
  });

  it('reports many issues in a short message, and all of them in its cause', () => {
    const issues = Array.from({ length: 900 }, (_, at) => ({
      message: 'is wrong '.repeat(900),
      path: Array.from({ length: 900 }, () => ({ key: `step${at}` })),
    }));
    using index = new Index(freshDirectory(), { schema: createSchema(() => ({ issues })), durability: 'process' });
    const key = ['k'.repeat(9000), ...Array.from({ length: 900 }, (_, at) => at)];
    expect(() => index.set(key, 1)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^.{0,4000}and 895 more, see the cause\).{0,200}$/s),
        cause: issues,
      }),
    );
  });

  it('completes older values when they are read, and reports those it can not accept', () => {
    const directory = freshDirectory();
    {
      using index = new Index<string, unknown>(directory, { durability: 'process' });
      index.set('old', { name: 'light' }).set('odd', 5).set('none', undefined);
    }
    using index = new Index<string, Theme>(directory, { schema: theme });
    expect(index.size).toBe(3);
    expect(index.get('old')).toEqual({ name: 'light', contrast: 1 });
    expect(index.getMany(['old', 'absent'])).toEqual([{ name: 'light', contrast: 1 }, undefined]);
    expect(index.get('absent')).toBe(undefined);
    const wrong = errorWithCode('BAD_VALUE');
    const reads = [
      () => index.get('odd'),
      () => index.get('none'),
      () => index.getMany(['old', 'odd']),
      () => [...index],
      () => [...index.values()],
      () => index.page('values'),
      () => index.pop('odd'),
      () => index.popItem(),
      () => index.update('odd', (value) => value!),
    ];
    for (const read of reads) expect(read).toThrow(wrong);
    expect(() => index.get('odd')).toThrow(/'odd' .*stored without this schema/);
    expect([...index.keys()]).toEqual(['old', 'odd', 'none']);
    index.delete('odd');
    index.delete('none');
    expect([...index.entries()]).toEqual([['old', { name: 'light', contrast: 1 }]]);
    expect(index.page('values').items).toEqual([{ name: 'light', contrast: 1 }]);
  });

  it('must be synchronous', () => {
    using index = new Index<string, Theme>(freshDirectory(), {
      schema: createSchema<Theme>(async () => Promise.reject(new Error('unhandled'))),
    });
    expect(() => index.set('t', { name: 'x', contrast: 1 })).toThrow(errorWithCode('BAD_OPTION'));
    expect(index.size).toBe(0);
    for (const schema of [
      {},
      null,
      7,
      { '~standard': { version: 2, validate() {} } },
      { '~standard': { version: 1 } },
    ]) {
      expect(() => new Index(freshDirectory(), { schema: schema as StandardSchema })).toThrow(
        errorWithCode('BAD_OPTION'),
      );
    }
  });
});
