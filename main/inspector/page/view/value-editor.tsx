import { useId, useState } from 'preact/hooks';
import type { TaggedJson } from '../../contract.ts';
import { call } from '../client.ts';
import { ErrorNote } from './error-note.tsx';

interface ValueEditorProps {
  readonly store: string;
  readonly itemKey: TaggedJson;
  readonly json: TaggedJson;
  readonly onSaved: () => void;
}

/** Edits a value as JSON; types that JSON doesn't have are written as the command line writes them: `{"$date": …}`. */
export function ValueEditor({ store, itemKey, json, onSaved }: ValueEditorProps) {
  const id = useId();
  const [text, setText] = useState(() => JSON.stringify(json, null, 2));
  const [error, setError] = useState<Error>();
  const [isSaved, setSaved] = useState(false);
  async function save(event: Event): Promise<void> {
    event.preventDefault();
    setSaved(false);
    try {
      await call('set', { store, key: itemKey, value: JSON.parse(text) });
      setError(undefined);
      setSaved(true);
      onSaved();
    } catch (thrown) {
      setError(thrown as Error);
    }
  }
  return (
    <form class="editor" onSubmit={save}>
      <label for={id}>The value as JSON; expiry and tag stay</label>
      <textarea
        id={id}
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) save(event);
        }}
      />
      <div class="toolbar">
        <button type="submit">Save</button>
        <span role="status">{isSaved ? 'Saved; Undo at the top takes it back' : ''}</span>
      </div>
      <ErrorNote error={error} />
    </form>
  );
}
