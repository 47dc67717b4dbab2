/** The notes application with hooks by hand. */
import { useState } from 'react';
import { useNoteByHand, useNotesByHand, useSettingByHand } from './hooks-by-hand';
import type { AppSettings } from './stores';

const report = (error: Error) => alert(error.message);

export function App() {
  const [theme, setTheme] = useSettingByHand<AppSettings['theme']>('theme', 'light');
  const [fontSize, setFontSize] = useSettingByHand('editor.fontSize', 14);
  const { entries, error } = useNotesByHand();
  const [open, setOpen] = useState<string>();
  return (
    <main data-theme={theme} style={{ fontSize }}>
      <button type="button" name="theme" onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark').catch(report)}>
        {theme}
      </button>
      <button type="button" name="larger" onClick={() => setFontSize(fontSize + 1).catch(report)}>
        {fontSize}
      </button>
      <ul>
        {entries.map(([id, { title }]) => (
          <li key={id}>
            <button type="button" onClick={() => setOpen(id)}>
              {title}
            </button>
          </li>
        ))}
      </ul>
      {error !== undefined && <p role="alert">{String(error)}</p>}
      {open !== undefined && <Editor id={open} />}
    </main>
  );
}

function Editor({ id }: { readonly id: string }) {
  const [note, setNote] = useNoteByHand(id);
  if (note === undefined) return <p>This note doesn’t exist.</p>;
  return (
    <textarea value={note.text} onChange={({ target }) => setNote({ ...note, text: target.value }).catch(report)} />
  );
}
