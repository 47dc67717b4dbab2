import type { Draft } from '../../model/note.ts';
import { disk } from './disk-cache.ts';
import { getErrorMessage, reportError } from './errors.ts';
import { observable } from './observable.ts';
import { post } from './outbox.ts';

/** The countries with a draft. */
export const draftedCountries = observable<ReadonlySet<string>>(new Set());

/** A draft as the page shows it. */
export type DraftState =
  | { readonly step: 'reading' | 'empty' | 'saving' }
  | { readonly step: 'saved'; readonly at: number }
  | { readonly step: 'failed'; readonly reason: string };

/** One country's draft, open for writing. */
export interface OpenDraft {
  /** Stores the changed text at once, without a timer. An empty draft is deleted. */
  edit(text: string): void;
  /** Puts the draft into the outbox. */
  send(): Promise<void>;
  close(): void;
}

export async function watchDrafts(): Promise<void> {
  const find = async () => {
    const codes = new Set<string>();
    for await (const code of disk.drafts.keys()) codes.add(code);
    draftedCountries.set(codes);
  };
  disk.drafts.subscribe(({ kind, key }) => {
    // Not at each keystroke, because the list of countries is rendered again.
    if (key !== undefined && draftedCountries.get().has(key) === (kind === 'set')) return;
    find().catch((error: unknown) => reportError('The drafts could not be listed', error));
  });
  await find();
}

/**
 * Opens a country's draft; `show` is called with its state and with what other windows write. Closing doesn't lose a write under way.
 */
export function openDraft(code: string, show: (state: DraftState, text?: string) => void): OpenDraft {
  let open = true;
  let edits = 0;
  let id: string | undefined;
  /** Text typed after a note was sent belongs to another note. */
  let sent: string | undefined;
  const notify = (state: DraftState, text?: string) => open && show(state, text);
  const notifySaved = (draft: Draft | undefined, text?: string) =>
    notify(draft === undefined ? { step: 'empty' } : { step: 'saved', at: draft.editedAt }, text);

  /** The stored draft, unless something newer has been typed. */
  async function read(): Promise<Draft | undefined> {
    const before = edits;
    try {
      const draft = await disk.drafts.get(code);
      if (edits !== before) return draft;
      id = draft?.id === sent ? undefined : draft?.id;
      notifySaved(draft, draft?.text ?? '');
      return draft;
    } catch (error) {
      notify({ step: 'failed', reason: `The draft could not be read: ${getErrorMessage(error)}` });
      return undefined;
    }
  }

  async function write(text: string): Promise<Draft | undefined> {
    const edit = ++edits;
    id ??= crypto.randomUUID();
    const draft = text.trim() === '' ? undefined : { id, text, editedAt: Date.now() };
    notify({ step: 'saving' });
    try {
      await (draft === undefined ? disk.drafts.delete(code) : disk.drafts.set(code, draft));
      if (edit === edits) notifySaved(draft);
      return draft;
    } catch (error) {
      if (edit === edits) notify({ step: 'failed', reason: `Not saved: ${getErrorMessage(error)}` });
      return undefined;
    }
  }

  let latest = read();
  const stop = disk.drafts.subscribe(
    () => {
      latest = read();
    },
    { prefix: code },
  );
  return {
    edit(text) {
      latest = write(text);
    },
    async send() {
      sent = id ?? sent;
      id = undefined;
      const draft = await latest;
      if (draft !== undefined) await post(code, draft);
    },
    close() {
      open = false;
      stop();
    },
  };
}
