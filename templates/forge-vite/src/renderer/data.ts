/** The page's stores: every call is a promise, and a write that has resolved is on disk. */
import { diskCache } from 'deskcache/renderer';
import { COVER, type stores } from '../stores';

export const { notes, settings } = diskCache.as<typeof stores>();

/** Served from disk when it is shown; no script handles the picture's bytes. */
export const coverUrl = diskCache.url('pictures', COVER);

export const writeNote = (text: string) => notes.set(crypto.randomUUID(), { text, writtenAt: Date.now() });
