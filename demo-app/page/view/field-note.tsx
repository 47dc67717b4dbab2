import { useEffect, useRef, useState } from 'preact/hooks';
import { type NoteState, type OpenNote, openNote } from '../data/notes.ts';
import { formatInstant } from './format.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly code: string;
  readonly name: string;
}

/** A note about one country. Give it the code as `key`: each country gets a note of its own. */
export function FieldNote({ code, name }: Props) {
  const [text, setText] = useState('');
  const [state, setState] = useState<NoteState>({ step: 'reading' });
  const note = useRef<OpenNote>(undefined);
  useEffect(() => {
    const opened = openNote(code, setText, setState);
    note.current = opened;
    const reread = () => void opened.reread();
    addEventListener('focus', reread);
    return () => {
      removeEventListener('focus', reread);
      opened.close();
    };
  }, [code]);

  function write(next: string): void {
    setText(next);
    note.current?.edit(next);
  }

  return (
    <section class="field-note" aria-labelledby="field-note-title">
      <header>
        <h2 id="field-note-title">Field note</h2>
        <Saved state={state} />
      </header>
      <textarea
        aria-labelledby="field-note-title"
        placeholder={`What should you remember about ${name}?`}
        value={text}
        readOnly={state.step === 'reading'}
        onInput={(event) => write(event.currentTarget.value)}
        rows={3}
      />
      {state.step === 'failed' && <NotSaved why={state.why} retry={() => write(text)} />}
    </section>
  );
}

function Saved({ state }: { readonly state: NoteState }) {
  return (
    <output class="saved" data-step={state.step}>
      {state.step === 'saved' && (
        <>
          <Icon name="disk" /> Saved to disk {formatInstant(state.at)}
        </>
      )}
      {state.step === 'saving' && 'Saving…'}
    </output>
  );
}

function NotSaved({ why, retry }: { readonly why: string; readonly retry: () => void }) {
  return (
    <div class="failure" role="alert">
      {why}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}
