import { type ErrorData, toErrorData } from './error.ts';

/*
 * Pages must not learn absolute paths, which contain the user's name, or stacks, which contain such paths. Messages for pages name a store
 * by its path in the application's directory: `settings` for `/home/ada/.config/App/deskcache/settings`. Other absolute paths are reduced
 * to their last part.
 */

/** A directory in one of the spellings that a message may use. */
interface HiddenDirectory {
  readonly directory: string;
  /** Includes the separator after it, if there is one. */
  readonly pattern: RegExp;
}

/** Longest first, because one may be inside another. Kept sorted, because every error message for a page is searched. */
const hiddenDirectories: HiddenDirectory[] = [];

/** A drive's root is never hidden, because every path is in it. */
const ROOT_PATH = /^([a-z]:)?[\\/]*$/i;
const WINDOWS_DRIVE = /^[a-z]:/i;

/** Hides a directory and its contents from pages until the process ends: even the last message may name it. */
export function hideDirectory(directory: string): void {
  if (ROOT_PATH.test(directory)) return;
  const withSlashes = directory.replaceAll('\\', '/');
  const inUrl = encodeURI(withSlashes).replace(/[?#]/g, encodeURIComponent);
  const escaped = JSON.stringify(directory).slice(1, -1);
  for (const form of [directory, WINDOWS_DRIVE.test(directory) ? withSlashes : directory, inUrl, escaped]) {
    if (hiddenDirectories.some((known) => known.directory === form)) continue;
    const text = form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    // Windows treats `c:\users` as `C:\Users`.
    hiddenDirectories.push({
      directory: form,
      pattern: new RegExp(`(?:file:/{2,3})?${text}([\\\\/]*)`, WINDOWS_DRIVE.test(form) ? 'gi' : 'g'),
    });
  }
  hiddenDirectories.sort((one, other) => other.directory.length - one.directory.length);
}

/** Root folders of files on POSIX systems; other texts that begin with a slash, such as keys and URLs, stay. */
const POSIX_ROOT_FOLDERS =
  'Applications|Library|System|Users|Volumes|bin|dev|etc|home|lib\\d*|media|mnt|nix|opt|private|proc|root|run|sbin|snap|srv|sys|tmp|usr|var';

/** Everything of an absolute path except its last part; parts may contain spaces. */
const DIRECTORY_PATTERNS: readonly RegExp[] = [
  /file:\/\/[^\s'"<>]*\//gi,
  /(?:\\\\[^\\/\s'"]+|\b[a-z]:)[\\/]+(?:[^\\/:*?"'<>|\r\n]+[\\/]+)*/gi,
  new RegExp(`(?<![\\w.~%:/-])/(?:${POSIX_ROOT_FOLDERS})/(?:[^/\\n'"<>|:]*[^/\\n'"<>|:\\s]/)*`, 'g'),
];

const STACK_LINES = /\n[ \t]+at [^\n]*/g;

/** Returns a text without hidden directories and stacks, safe for a page. */
export function redactDirectories(text: string): string {
  let shown = text.replace(STACK_LINES, '');
  for (const { pattern } of hiddenDirectories) {
    shown = shown.replace(pattern, (_whole, separator: string) =>
      separator === '' ? 'the directory of the application' : '',
    );
  }
  for (const directories of DIRECTORY_PATTERNS) shown = shown.replace(directories, '');
  return shown;
}

/** Maximum length of a message and of its cause. They contain callers' input, and one response may hold thousands of errors. */
const MAX_MESSAGE_CHARS = 1000;

/** Cuts out the middle: the start says what happened, the end what to do. */
const truncateMiddle = (text: string): string =>
  text.length <= MAX_MESSAGE_CHARS
    ? text
    : `${text.slice(0, MAX_MESSAGE_CHARS / 2)} … ${text.slice(-MAX_MESSAGE_CHARS / 2)}`;

/** Converts an error to data for a page. */
export function toPageErrorData(error: unknown): ErrorData {
  const { code, message, cause } = toErrorData(error);
  const paths = getPaths(error);
  const shown = { code, message: redactPaths(truncateMiddle(message), paths) };
  return cause === undefined ? shown : { ...shown, cause: redactPaths(truncateMiddle(cause), paths) };
}

/** Returns the paths that system errors in the chain name. */
function getPaths(error: unknown): readonly string[] {
  const paths: string[] = [];
  let at = error;
  for (let depth = 0; depth < 4 && typeof at === 'object' && at !== null; depth++) {
    const { path, dest, cause } = at as { readonly path?: unknown; readonly dest?: unknown; readonly cause?: unknown };
    for (const named of [path, dest]) if (typeof named === 'string' && /[\\/]/.test(named)) paths.push(named);
    at = cause;
  }
  return paths;
}

function redactPaths(text: string, paths: readonly string[]): string {
  const shown = redactDirectories(text);
  return paths.reduce((left, path) => left.replaceAll(path, path.replace(/^.*[\\/]/s, '')), shown);
}
