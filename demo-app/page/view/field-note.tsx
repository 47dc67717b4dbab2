import { useEffect, useRef, useState } from 'preact/hooks';
import { type DraftState, type OpenDraft, openDraft } from '../data/drafts.ts';
import { reportError } from '../data/errors.ts';
import { formatInstant } from './format.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly code: string;
  readonly name: string;
}

/** The form for a note about a country. Pass the code as `key`: each country has a draft of its own. */
export function FieldNote({ code, name }: Props) {
  const [text, setText] = useState('');
  const [state, setState] = useState<DraftState>({ step: 'reading' });
  const draft = useRef<OpenDraft>(undefined);
  useEffect(() => {
    const opened = openDraft(code, (now, read) => {
      setState(now);
      if (read !== undefined) setText(read);
    });
    draft.current = opened;
    return () => opened.close();
  }, [code]);

  function write(next: string): void {
    setText(next);
    draft.current?.edit(next);
  }
  function send(): void {
    draft.current?.send().catch((error: unknown) => reportError('The note could not be put into the outbox', error));
  }

  return (
    <div class="field-note">
      <textarea
        aria-label="Field note"
        placeholder={`What should be known about ${name}?`}
        value={text}
        readOnly={state.step === 'reading'}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && send()}
        rows={2}
      />
      {state.step === 'failed' && <SaveFailure why={state.reason} retry={() => write(text)} />}
      <div class="field-note-foot">
        <SaveState state={state} />
        <button type="button" class="send" disabled={text.trim() === ''} onClick={send} title="Send (Ctrl+Enter)">
          Send
        </button>
      </div>
    </div>
  );
}

function SaveState({ state }: { readonly state: DraftState }) {
  return (
    <output class="saved" data-step={state.step}>
      {state.step === 'saved' && (
        <>
          <Icon name="disk" /> Draft on disk {formatInstant(state.at)}
        </>
      )}
      {state.step === 'saving' && 'Saving…'}
    </output>
  );
}

function SaveFailure({ why, retry }: { readonly why: string; readonly retry: () => void }) {
  return (
    <div class="failure" role="alert">
      {why}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}
