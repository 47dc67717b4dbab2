import { useEntries, useSetting } from 'deskcache/react';
import { StrictMode, type SyntheticEvent, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { coverUrl, notes, settings, writeNote } from './data';

function App() {
  const { entries } = useEntries(notes, { reverse: true });
  const [theme, setTheme] = useSetting(settings, 'theme');
  const error = useLastError();
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
          {entries.map(([id, note]) => (
            <li key={id}>
              <p>{note.text}</p>
              <footer>
                <time>{new Date(note.writtenAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}</time>
                <button type="button" aria-label="Delete" onClick={() => notes.delete(id)}>
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

// Before the first paint: `ready` in the main process has brought the settings along.
document.documentElement.dataset.theme = settings.now.theme;
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
