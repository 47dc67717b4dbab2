import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { getErrorMessage } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { MoveFormat, MoveSource } from '../../../protocol/move-source.ts';
import { isRecord } from '../validate.ts';
import { decryptConf } from './decrypt-conf.ts';

/** The contents of a source. */
export interface SourceContents {
  readonly values: ReadonlyMap<string, unknown>;
  /** The application's version that conf's own migrations have reached. */
  readonly version?: string;
  /** Why something can't be read, by its name: `WHOLE_FILE`, or a key of electron-json-storage. */
  readonly faults: ReadonlyMap<string, string>;
}

/** The name in `faults` of a source that is one file. */
export const WHOLE_FILE = '';

/** The member in which conf, electron-store and electron-conf keep their own data. */
const INTERNAL_MEMBER = '__internal__';
const HAS_INTERNAL_MEMBER: ReadonlySet<MoveFormat> = new Set(['conf', 'electron-store', 'electron-conf']);

/** Reads a source. Returns undefined if the file or folder doesn't exist. */
export function readSource(source: MoveSource): SourceContents | undefined {
  return source.format === 'electron-json-storage' ? readFolder(source) : readOneFile(source);
}

function readOneFile(source: MoveSource): SourceContents | undefined {
  try {
    const parsed: unknown = parseJson(decryptConf(readFileSync(source.path), source), getKeyHint(source));
    if (!isRecord(parsed) || Array.isArray(parsed)) throw new Error('it holds no object');
    const values = new Map(Object.entries(parsed));
    const faults = new Map<string, string>();
    if (!HAS_INTERNAL_MEMBER.has(source.format)) return { values, faults };
    const internal = values.get(INTERNAL_MEMBER);
    values.delete(INTERNAL_MEMBER);
    const version: unknown = Object(Object(internal).migrations).version;
    return { values, faults, ...(typeof version === 'string' && { version }) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { values: new Map(), faults: new Map([[WHOLE_FILE, getErrorMessage(error)]]) };
  }
}

function readFolder({ path }: MoveSource): SourceContents | undefined {
  const values = new Map<string, unknown>();
  const faults = new Map<string, string>();
  let files: string[];
  try {
    files = readdirSync(path).filter((file) => file.endsWith('.json'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { values, faults: new Map([[WHOLE_FILE, getErrorMessage(error)]]) };
  }
  for (const file of files.sort()) {
    const key = toStorageKey(file);
    try {
      values.set(key, parseJson(readFileSync(join(path, file), 'utf8')));
    } catch (error) {
      faults.set(key, getErrorMessage(error));
    }
  }
  return { values, faults };
}

/** Returns the key of a file. electron-json-storage percent-encodes keys, except for spaces. */
function toStorageKey(file: string): string {
  const name = file.slice(0, -'.json'.length);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Parses JSON. Replaces the parser's message, which would quote what the user has stored. */
function parseJson(text: string, hint = ''): unknown {
  const withoutMark = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  if (withoutMark.trim() === '') throw new Error('it is empty');
  try {
    return JSON.parse(withoutMark);
  } catch {
    throw new Error(`it is not JSON${hint}`);
  }
}

function getKeyHint({ format, encryptionKey }: MoveSource): string {
  if (encryptionKey !== undefined) return ', or encryptionKey or encryptionAlgorithm is wrong';
  return format === 'lowdb' || format === 'electron-conf' ? '' : ', or it is encrypted and needs its encryptionKey';
}

/** A source with an absolute path. Marks name the declared path, because the user's folder may move. */
export interface LocatedSource extends MoveSource {
  readonly declaredPath?: string;
}

/**
 * Returns a source with an absolute path.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a relative path without a directory to start from.
 */
export function locateSource(source: MoveSource, userData: string | undefined): LocatedSource {
  const { format, path, projectName, projectSuffix = 'nodejs' } = source;
  if (isAbsolute(path)) return source;
  if (projectName !== undefined) {
    const folder = projectSuffix === '' ? projectName : `${projectName}-${projectSuffix}`;
    return { ...source, path: join(getConfigDirectory(folder), path), declaredPath: path };
  }
  if (userData !== undefined) return { ...source, path: join(userData, path), declaredPath: path };
  throw new DiskCacheError(
    'BAD_OPTION',
    `from: the path '${path}' of ${format} is relative to the userData of an application; give an absolute path outside of openDiskCache`,
  );
}

/** Returns the system's folder for settings, as env-paths does, which conf uses. */
function getConfigDirectory(name: string): string {
  const { APPDATA, XDG_CONFIG_HOME } = process.env;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Preferences', name);
  if (process.platform === 'win32') return join(APPDATA || join(homedir(), 'AppData', 'Roaming'), name, 'Config');
  return join(XDG_CONFIG_HOME || join(homedir(), '.config'), name);
}
