import type { Note, Theme } from '../stores';
import { coverUrl, deleteNote, setTheme, watchNotes, watchTheme, writeNote } from './data';

const byId = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const composer = byId<HTMLFormElement>('composer');
const text = composer.querySelector('textarea')!;
const themeButton = byId<HTMLButtonElement>('theme');

function show(id: string, note: Note): HTMLLIElement {
  const item = document.createElement('li');
  const words = document.createElement('p');
  words.textContent = note.text;
  const time = document.createElement('time');
  time.textContent = new Date(note.writtenAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.ariaLabel = 'Delete';
  remove.textContent = '✕';
  remove.addEventListener('click', () => deleteNote(id));
  const footer = document.createElement('footer');
  footer.append(time, remove);
  item.append(words, footer);
  return item;
}

let theme: Theme = 'light';
watchTheme((now) => {
  theme = now;
  document.documentElement.dataset.theme = theme;
  themeButton.textContent = theme === 'dark' ? 'Light' : 'Dark';
});
watchNotes((notes) => byId('notes').replaceChildren(...notes.map(([id, note]) => show(id, note))));

byId<HTMLImageElement>('cover').src = coverUrl;
themeButton.addEventListener('click', () => setTheme(theme === 'dark' ? 'light' : 'dark'));
byId('new-window').addEventListener('click', () => window.open(location.href));
composer.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (text.value.trim() === '') return;
  await writeNote(text.value.trim());
  composer.reset();
});

// A call may fail, for example when the disk is full. Errors that nothing else has caught are shown.
addEventListener('unhandledrejection', ({ reason }) => {
  byId('error').textContent = reason instanceof Error ? reason.message : `${reason}`;
});
