import { StrictMode, type SyntheticEvent, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { Note, Theme } from '../stores';
import { coverUrl, deleteNote, setTheme, watchNotes, watchTheme, writeNote } from './data';

function App() {
  const [notes, setNotes] = useState<[id: string, note: Note][]>([]);
  const [theme, showTheme] = useState<Theme>('light');
  const error = useLastError();
  useEffect(() => watchNotes(setNotes), []);
  useEffect(() => watchTheme(showTheme), []);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);

  return (
    <>
      <header className="cover">
        <img src={coverUrl} alt="" />
        <h1>Desk notes</h1>
        <div className="actions">
          <button type="button" onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark')}>
            {theme === 'dark' ? 'Light' : 'Dark'}
          </button>
          <button type="button" onClick={() => window.open(location.href)}>
            New window
          </button>
        </div>
      </header>
      <main>
        <Composer />
        <p className="error" role="status">
          {error}
        </p>
        <ul className="notes">
          {notes.map(([id, note]) => (
            <li key={id}>
              <p>{note.text}</p>
              <footer>
                <time>{new Date(note.writtenAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}</time>
                <button type="button" aria-label="Delete" onClick={() => deleteNote(id)}>
                  ✕
                </button>
              </footer>
            </li>
          ))}
        </ul>
      </main>
    </>
  );
}

function Composer() {
  const [text, setText] = useState('');

  async function submit(event: SyntheticEvent) {
    event.preventDefault();
    if (text.trim() === '') return;
    await writeNote(text.trim());
    setText('');
  }

  return (
    <form onSubmit={submit}>
      <textarea
        aria-label="New note"
        placeholder="Write a note. Every window shows it at once."
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit">Keep</button>
    </form>
  );
}

/** A call may fail, for example when the disk is full. Errors that nothing else has caught are shown. */
function useLastError(): string {
  const [error, setError] = useState('');
  useEffect(() => {
    const show = ({ reason }: PromiseRejectionEvent) =>
      setError(reason instanceof Error ? reason.message : `${reason}`);
    addEventListener('unhandledrejection', show);
    return () => removeEventListener('unhandledrejection', show);
  }, []);
  return error;
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
