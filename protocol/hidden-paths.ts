import { type ErrorData, toErrorData } from './error.ts';

/*
 * Pages must not learn absolute paths, which contain the user's name. Messages for pages name a store by its path in the application's
 * directory: `settings` for `/home/ada/.config/App/deskcache/settings`.
 */

/** The longest first: one may be inside another. In order at all times, for every refused message is looked through. */
const hidden: string[] = [];

/** Hides a directory and its contents from pages until the process ends: even the last message may name it. */
export function hideDirectory(directory: string): void {
  if (hidden.includes(directory)) return;
  hidden.push(directory);
  hidden.sort((one, other) => other.length - one.length);
}

/** Returns a text without hidden directories, as a page may read it. */
export function withoutDirectories(text: string): string {
  let shown = text;
  for (const directory of hidden) {
    if (!shown.includes(directory)) continue;
    for (const separator of ['/', '\\']) shown = shown.replaceAll(directory + separator, '');
    shown = shown.replaceAll(directory, 'the directory of the application');
  }
  return shown;
}

/** Characters of a message and of its cause. What callers have given stands in them, and an answer may hold thousands. */
const MAX_MESSAGE = 1000;

/** The middle is left out: what happened stands at the beginning, what to do at the end. */
const shortened = (text: string): string =>
  text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE / 2)} … ${text.slice(-MAX_MESSAGE / 2)}`;

/** `toErrorData`, for a page. */
export function toPageErrorData(error: unknown): ErrorData {
  const { code, message, cause } = toErrorData(error);
  const shown = { code, message: withoutDirectories(shortened(message)) };
  return cause === undefined ? shown : { ...shown, cause: withoutDirectories(shortened(cause)) };
}
