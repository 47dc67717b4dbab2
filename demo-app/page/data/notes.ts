import { countOnDisk, disk } from './disk.ts';
import { newestWins } from './newest-wins.ts';
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
  /** Reads again what is on disk, because another window may have written; never over a text that is not saved yet. */
  reread(): Promise<void>;
  close(): void;
}

export async function findNotes(): Promise<void> {
  const codes = new Set<string>();
  for await (const code of disk.notes.keys()) codes.add(code);
  noted.set(codes);
}

/** Opens a country's note. Closing does not lose what is still being written. */
export function openNote(
  code: string,
  showText: (text: string) => void,
  showState: (state: NoteState) => void,
): OpenNote {
  let open = true;
  let saved = true;
  const tell = (state: NoteState) => open && showState(state);
  const write = newestWins(
    (text: string) => save(code, text),
    (state) => {
      saved = true;
      tell(state);
    },
    (error) => tell({ step: 'failed', why: `Not saved: ${reason(error)}` }),
  );

  async function reread(): Promise<void> {
    try {
      const note = await disk.notes.get(code);
      if (!open || !saved) return;
      showText(note?.text ?? '');
      tell(note === undefined ? { step: 'empty' } : { step: 'saved', at: note.editedAt });
    } catch (error) {
      tell({ step: 'failed', why: `The note could not be read: ${reason(error)}` });
    }
  }

  void reread();
  return {
    edit(text) {
      saved = false;
      tell({ step: 'saving' });
      write(text);
    },
    reread,
    close() {
      open = false;
    },
  };
}

/** Resolves when it is on disk. An emptied note is no note. */
async function save(code: string, text: string): Promise<NoteState> {
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
