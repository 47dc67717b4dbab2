import { countOnDisk, disk } from './disk.ts';
import { observable } from './observable.ts';
import { reason } from './problems.ts';

/** The countries somebody wrote about. */
export const noted = observable<ReadonlySet<string>>(new Set());

/** A note as the page shows it. */
export type NoteState =
  | { readonly step: 'reading' }
  | { readonly step: 'empty' }
  | { readonly step: 'saving' }
  | { readonly step: 'saved'; readonly at: number }
  | { readonly step: 'failed'; readonly why: string };

/** One country's note, open for writing. */
export interface OpenNote {
  /** The text changed: write it. */
  edit(text: string): void;
  /** Reads again what is on disk, unless a change of our own is under way: another window may have written. */
  reread(): Promise<void>;
  close(): void;
}

export async function findNotes(): Promise<void> {
  const codes = new Set<string>();
  for await (const code of disk.notes.keys()) codes.add(code);
  noted.set(codes);
}

/**
 * Opens a country's note. There is no timer between a keystroke and the disk: the first change is written at once, and
 * while a write is under way later changes wait for it, the newest text winning. Closing does not lose what waits.
 */
export function openNote(
  code: string,
  showText: (text: string) => void,
  showState: (state: NoteState) => void,
): OpenNote {
  let waiting: string | undefined;
  let writing = false;
  let open = true;
  const tell = (state: NoteState) => open && showState(state);

  async function reread(): Promise<void> {
    try {
      const note = await disk.notes.get(code);
      if (!open || writing || waiting !== undefined) return;
      showText(note?.text ?? '');
      tell(note === undefined ? { step: 'empty' } : { step: 'saved', at: note.editedAt });
    } catch (error) {
      tell({ step: 'failed', why: `The note could not be read: ${reason(error)}` });
    }
  }

  async function writeAll(): Promise<void> {
    if (writing) return;
    writing = true;
    try {
      let last: NoteState = { step: 'empty' };
      while (waiting !== undefined) {
        const text = waiting;
        waiting = undefined;
        last = await write(code, text);
      }
      tell(last);
    } catch (error) {
      tell({ step: 'failed', why: `Not saved: ${reason(error)}` });
    } finally {
      writing = false;
    }
  }

  void reread();
  return {
    edit(text) {
      waiting = text;
      tell({ step: 'saving' });
      void writeAll();
    },
    reread,
    close() {
      open = false;
    },
  };
}

/** Resolves when it is on disk. An emptied note is no note. */
async function write(code: string, text: string): Promise<NoteState> {
  const editedAt = Date.now();
  const empty = text.trim() === '';
  await (empty ? disk.notes.delete(code) : disk.notes.set(code, { text, editedAt }));
  if (noted.get().has(code) === empty) {
    const codes = new Set(noted.get());
    if (empty) codes.delete(code);
    else codes.add(code);
    noted.set(codes);
    await countOnDisk();
  }
  return empty ? { step: 'empty' } : { step: 'saved', at: editedAt };
}
