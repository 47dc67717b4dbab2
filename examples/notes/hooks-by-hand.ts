/** The hooks that the application needs without `deskcache/react`. They read again after each change, drop late answers, and undo refused writes. */
import { diskCache } from 'deskcache/renderer';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Note } from './stores';
import type { stores } from './stores-by-hand';

const { notes, settings } = diskCache.as<typeof stores>();

/** Calls `read` now and after each change that `subscribe` reports, and `show` with the newest result only. */
function useFollowed<T>(
  read: () => Promise<T>,
  subscribe: (onChange: () => void) => () => void,
  initial: T,
): [value: T, show: (value: T) => void, error: unknown] {
  const [value, show] = useState<T>(initial);
  const [error, setError] = useState<unknown>();
  const lastRead = useRef(0);
  useEffect(() => {
    let isMounted = true;
    async function readAgain(): Promise<void> {
      const number = ++lastRead.current;
      try {
        const result = await read();
        if (!isMounted || number !== lastRead.current) return;
        show(result);
        setError(undefined);
      } catch (thrown) {
        if (isMounted && number === lastRead.current) setError(thrown);
      }
    }
    void readAgain();
    const unsubscribe = subscribe(() => void readAgain());
    return () => {
      isMounted = false;
      unsubscribe();
    };
  }, [read, subscribe]);
  return [value, show, error];
}

/** Shows a new value at once, and the previous one again if it is refused. */
function useOptimistic<T>(value: T, show: (value: T) => void, write: (value: T) => Promise<unknown>) {
  return useCallback(
    async (next: T) => {
      show(next);
      try {
        await write(next);
      } catch (error) {
        show(value);
        throw error;
      }
    },
    [value, show, write],
  );
}

export function useSettingByHand<T>(name: string, fallback: T): [value: T, set: (value: T) => Promise<void>] {
  const read = useCallback(async () => ((await settings.get(name)) as T | undefined) ?? fallback, [name, fallback]);
  // Selected by prefix, so a listener of `theme` is also called for `themeColor`.
  const subscribe = useCallback((onChange: () => void) => settings.subscribe(onChange, { prefix: name }), [name]);
  const [value, show] = useFollowed(read, subscribe, fallback);
  return [value, useOptimistic(value, show, (next) => settings.set(name, next))];
}

const readNotes = () => notes.entries();
const followNotes = (onChange: () => void) => notes.subscribe(onChange);
const NO_NOTES: [string, Note][] = [];

export function useNotesByHand(): { entries: [string, Note][]; error: unknown } {
  const [entries, , error] = useFollowed<[string, Note][]>(async () => readNotes(), followNotes, NO_NOTES);
  return { entries, error };
}

export function useNoteByHand(id: string): [note: Note | undefined, set: (note: Note) => Promise<void>] {
  const read = useCallback(() => notes.get(id), [id]);
  const subscribe = useCallback((onChange: () => void) => notes.subscribe(onChange, { prefix: id }), [id]);
  const [note, show] = useFollowed<Note | undefined>(read, subscribe, undefined);
  const write = useOptimistic<Note | undefined>(note, show, (next) => notes.set(id, next as Note));
  return [note, write];
}
