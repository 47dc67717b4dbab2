import type { AppSettings, Note } from '../stores';
import { coverUrl, notes, settings, writeNote } from './data';

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
  remove.addEventListener('click', () => notes.delete(id));
  const footer = document.createElement('footer');
  footer.append(time, remove);
  item.append(words, footer);
  return item;
}

function showTheme(theme: AppSettings['theme']): void {
  document.documentElement.dataset.theme = theme;
  themeButton.textContent = theme === 'dark' ? 'Light' : 'Dark';
}
// Before the first paint: `ready` in the main process has brought the settings along.
showTheme(settings.now.theme);
settings.onChange('theme', showTheme);

const showNotes = async () => {
  const newestFirst = await notes.entries({ reverse: true });
  byId('notes').replaceChildren(...newestFirst.map(([id, note]) => show(id, note)));
};
void showNotes();
notes.subscribe(() => void showNotes());

byId<HTMLImageElement>('cover').src = coverUrl;
themeButton.addEventListener('click', () => settings.set('theme', settings.now.theme === 'dark' ? 'light' : 'dark'));
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
