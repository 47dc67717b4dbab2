import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { MoveFormat, MoveSource } from '../../../protocol/move-source.ts';
import { createUnknownOptionError, emitWarning, isRecord } from '../validate.ts';
import { type LocatedSource, locateSource, readSource, type SourceContents, WHOLE_FILE } from './source-files.ts';

/**
 * What was moved, as it is stored: for each source, the names that could not be read and are tried again. An empty list means that the source
 * is done. A source that isn't listed was never found.
 */
export type MoveMarks = Readonly<Record<string, readonly string[]>>;

/** A source that is still to be moved, and its contents. */
export interface PendingMove {
  readonly source: MoveSource;
  readonly id: string;
  readonly contents: SourceContents;
}

const FORMATS: Readonly<Record<MoveFormat, string>> = {
  'electron-store': 'electronStore(…)',
  conf: 'conf(…)',
  'electron-conf': 'electronConf(…)',
  'electron-json-storage': 'electronJsonStorage(…)',
  lowdb: 'lowdb(…)',
};

/**
 * Parses the option `from`. Returns its sources with absolute paths.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything else.
 */
export function parseSources(from: MoveSource | readonly MoveSource[] | undefined, userData?: string): LocatedSource[] {
  const sources: readonly unknown[] = from === undefined ? [] : Array.isArray(from) ? from : [from];
  return sources.map((source) => {
    const { format, path } = Object(source) as Partial<MoveSource>;
    if (isRecord(source) && Object.hasOwn(FORMATS, String(format)) && typeof path === 'string')
      return locateSource(assertSourceOptions(source as MoveSource), userData);
    throw new DiskCacheError(
      'BAD_OPTION',
      `from is ${formatValue(source, "'")}; give what one of ${Object.values(FORMATS).join(', ')} returns, or an array of them`,
    );
  });
}

const ENCRYPTION = ['encryptionKey', 'encryptionAlgorithm'];
const OPTIONS: Readonly<Record<MoveFormat, readonly string[]>> = {
  'electron-store': ENCRYPTION,
  conf: [...ENCRYPTION, 'projectName', 'projectSuffix'],
  'electron-conf': [],
  'electron-json-storage': [],
  lowdb: [],
};
const ALGORITHMS: readonly unknown[] = ['aes-256-cbc', 'aes-256-gcm', 'aes-256-ctr', undefined];

/** A misspelt option would leave the file unread: `from` only warns of files that can't be read. */
function assertSourceOptions(source: MoveSource): MoveSource {
  const { format, path: _path, encryptionKey, encryptionAlgorithm, ...options } = source;
  const prefix = `${FORMATS[format]}: `;
  for (const name of Object.keys(source)) {
    // `declaredPath`: the main process has already made the path absolute.
    if (['format', 'path', 'declaredPath', ...OPTIONS[format]].includes(name)) continue;
    throw createUnknownOptionError(name, OPTIONS[format].length > 0 ? OPTIONS[format] : ['none'], prefix);
  }
  if (encryptionKey !== undefined && typeof encryptionKey !== 'string' && !(encryptionKey instanceof Uint8Array))
    throw new DiskCacheError('BAD_OPTION', `${prefix}encryptionKey must be a text or a Uint8Array`);
  if (!ALGORITHMS.includes(encryptionAlgorithm)) {
    const known = ALGORITHMS.filter((name) => name !== undefined).join(', ');
    throw new DiskCacheError(
      'BAD_OPTION',
      `${prefix}encryptionAlgorithm is ${formatValue(encryptionAlgorithm, "'")}; it can be one of ${known}`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || typeof value === 'string') continue;
    throw new DiskCacheError('BAD_OPTION', `${prefix}${name} is ${formatValue(value)}; give a text`);
  }
  return source;
}

/** An entry that can't be stored as it is doesn't keep the others from being moved, nor the application from starting. */
export const isRefused = (error: unknown): error is DiskCacheError =>
  error instanceof DiskCacheError && ['BAD_KEY', 'BAD_VALUE', 'TOO_LARGE'].includes(error.code);

const getId = ({ format, path, declaredPath = path }: LocatedSource): string => `${format}:${declaredPath}`;

/** Reads the sources that are not marked as done. Leaves out those without a file. */
export function readPending(sources: readonly LocatedSource[], marks: MoveMarks): PendingMove[] {
  return sources.flatMap((source) => {
    const id = getId(source);
    if (isDone(marks, id)) return [];
    const contents = readSource(source);
    return contents === undefined ? [] : [{ source, id, contents }];
  });
}

const isDone = (marks: MoveMarks, id: string): boolean => Object.hasOwn(marks, id) && marks[id]!.length === 0;

/** Returns the values of a source that are still to be moved: all of them or, after an attempt with faults, those that failed. */
export function* getDueValues({ id, contents }: PendingMove, marks: MoveMarks): Generator<[string, unknown]> {
  if (isDone(marks, id)) return;
  const left = Object.hasOwn(marks, id) ? new Set(marks[id]) : undefined;
  for (const [name, value] of contents.values) if (left === undefined || left.has(name)) yield [name, value];
}

/** Returns the marks after these sources were moved. A file that can't be read isn't marked: the next opening reads it again. */
export function addMarks(marks: MoveMarks, moved: readonly PendingMove[]): MoveMarks {
  const added = moved
    .filter(({ id, contents }) => !isDone(marks, id) && !contents.faults.has(WHOLE_FILE))
    .map(({ id, contents }) => [id, [...contents.faults.keys()]] as const);
  return { ...marks, ...Object.fromEntries(added) };
}

/** Reports what was not moved as process warnings, not as errors: a damaged old file must not keep the application from starting. */
export function warnAboutFaults(moved: readonly PendingMove[], refused: ReadonlyMap<string, string>): void {
  for (const { source, contents } of moved) {
    for (const [name, fault] of contents.faults) {
      const what = name === WHOLE_FILE ? source.path : `"${name}" in ${source.path}`;
      emitWarning(`${what} was not moved: ${fault}. The next start tries again; repair the file, or delete it`, {
        code: 'CORRUPT',
      });
    }
  }
  if (refused.size === 0) return;
  const list = [...refused].map(([name, reason]) => `"${name}": ${reason}`).join('; ');
  const files = moved.map(({ source }) => source.path).join(' and ');
  emitWarning(`${refused.size} of the values in ${files} were not moved and remain in the file only: ${list}`, {
    code: 'BAD_VALUE',
  });
}
