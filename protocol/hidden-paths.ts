import { type ErrorData, toErrorData } from './error.ts';

/*
 * A page has no business with where on the disk an application keeps things: the path names the user. What is said to pages names a
 * store as it stands in the application's directory: `settings` for `/home/ada/.config/App/deskcache/settings`.
 */

/** The longest first: one may be inside another. In order at all times, for every refused message is looked through. */
const hidden: string[] = [];

/** Hides a directory and all in it from pages, as long as the process lives: what is said last names it, too. */
export function hideDirectory(directory: string): void {
  if (hidden.includes(directory)) return;
  hidden.push(directory);
  hidden.sort((one, other) => other.length - one.length);
}

/** A text as a page may read it. */
export function withoutDirectories(text: string): string {
  let shown = text;
  for (const directory of hidden) {
    if (!shown.includes(directory)) continue;
    for (const separator of ['/', '\\']) shown = shown.replaceAll(directory + separator, '');
    shown = shown.replaceAll(directory, 'the directory of the application');
  }
  return shown;
}

/** `toErrorData`, for a page. */
export function toPageErrorData(error: unknown): ErrorData {
  const { code, message, cause } = toErrorData(error);
  const shown = { code, message: withoutDirectories(message) };
  return cause === undefined ? shown : { ...shown, cause: withoutDirectories(cause) };
}
