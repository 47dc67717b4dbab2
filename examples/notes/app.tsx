/**
 * The notes application with `deskcache/react`: no code of its own for reading, following or undoing. Its windows have the settings in their
 * first line: `host.install(session, { ready: ['settings'] })`.
 */
import { useEntries, useEntry, useSetting } from 'deskcache/react';
import { diskCache } from 'deskcache/renderer';
import { useState } from 'react';
import type { stores } from './stores';

const { notes, settings } = diskCache.as<typeof stores>();

const report = (error: Error) => alert(error.message);

export function App() {
  const [theme, setTheme] = useSetting(settings, 'theme');
  const [fontSize, setFontSize] = useSetting(settings, 'editor.fontSize');
  const { entries, error } = useEntries(notes);
  const [open, setOpen] = useState<string>();
  return (
    <main data-theme={theme} style={{ fontSize }}>
      <button type="button" name="theme" onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark').catch(report)}>
        {theme}
      </button>
      <button type="button" name="larger" onClick={() => setFontSize((size) => size + 1).catch(report)}>
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
  const [note, setNote] = useEntry(notes, id);
  if (note === undefined) return <p>This note doesn’t exist.</p>;
  return (
    <textarea value={note.text} onChange={({ target }) => setNote({ ...note, text: target.value }).catch(report)} />
  );
}
