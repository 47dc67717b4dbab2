import type { Draft } from '../../model/note.ts';
import { disk } from './disk.ts';
import { observable } from './observable.ts';
import { reason, report } from './problems.ts';

/** The countries about which somebody is writing. */
export const drafted = observable<ReadonlySet<string>>(new Set());

/** A draft as the page shows it. */
export type DraftState =
  | { readonly step: 'reading' | 'empty' | 'saving' }
  | { readonly step: 'saved'; readonly draft: Draft }
  | { readonly step: 'failed'; readonly why: string };

/** One country's draft, open for writing. */
export interface OpenDraft {
  /** The text changed: it is written at once, no timer stands between a keystroke and the disk. An emptied draft is none. */
  edit(text: string): void;
  close(): void;
}

export async function watchDrafts(): Promise<void> {
  const find = async () => {
    const codes = new Set<string>();
    for await (const code of disk.drafts.keys()) codes.add(code);
    drafted.set(codes);
  };
  disk.drafts.subscribe(({ kind, key }) => {
    // Not at each keystroke: the list of countries is drawn anew.
    if (key !== undefined && drafted.get().has(key) === (kind === 'set')) return;
    find().catch((error: unknown) => report('The drafts could not be listed', error));
  });
  await find();
}

/**
 * Opens a country's draft; `show` is told what becomes of it, and what other windows write. Closing does not lose what is still
 * being written.
 */
export function openDraft(code: string, show: (state: DraftState, text?: string) => void): OpenDraft {
  let open = true;
  let edits = 0;
  let id: string | undefined;
  const tell = (state: DraftState, text?: string) => open && show(state, text);

  /** What is on disk, unless something newer was typed meanwhile. */
  async function read(): Promise<void> {
    const before = edits;
    try {
      const draft = await disk.drafts.get(code);
      if (edits !== before) return;
      id = draft?.id;
      tell(draft === undefined ? { step: 'empty' } : { step: 'saved', draft }, draft?.text ?? '');
    } catch (error) {
      tell({ step: 'failed', why: `The draft could not be read: ${reason(error)}` });
    }
  }

  async function write(text: string): Promise<void> {
    const edit = ++edits;
    tell({ step: 'saving' });
    try {
      id ??= crypto.randomUUID();
      const draft = { id, text, editedAt: Date.now() };
      await (text.trim() === '' ? disk.drafts.delete(code) : disk.drafts.set(code, draft));
      if (edit === edits) tell(text.trim() === '' ? { step: 'empty' } : { step: 'saved', draft });
    } catch (error) {
      if (edit === edits) tell({ step: 'failed', why: `Not saved: ${reason(error)}` });
    }
  }

  const stop = disk.drafts.subscribe(() => void read(), { prefix: code });
  void read();
  return {
    edit: (text) => void write(text),
    close() {
      open = false;
      stop();
    },
  };
}
