/** The page's view of the stores: every call is a promise, and a write that has resolved is on disk. */
import { diskCache } from 'deskcache/renderer';
import { COVER, type Note, type stores, type Theme } from '../stores';

const { notes, settings } = diskCache.as<typeof stores>();

/** Served from disk when it is shown; no script handles the picture's bytes. */
export const coverUrl = diskCache.url('pictures', COVER);

export const writeNote = (text: string) => notes.set(crypto.randomUUID(), { text, writtenAt: Date.now() });
export const deleteNote = (id: string) => notes.delete(id);
export const setTheme = (theme: Theme) => settings.set('theme', theme);

/**
 * Calls `show` with the notes, newest first, now and after each change, whichever window made it. Returns an unsubscribe function.
 */
export function watchNotes(show: (notes: [id: string, note: Note][]) => void): () => void {
  const read = async () => show(await notes.entries({ reverse: true }));
  void read();
  return notes.subscribe(() => void read());
}

/** Like `watchNotes`, for the theme. */
export function watchTheme(show: (theme: Theme) => void): () => void {
  const read = async () => show((await settings.get('theme')) ?? 'light');
  void read();
  return settings.subscribe(() => void read());
}
