import { useConnection, useDeque, useEntries, useEntry, useJobs, useSetting } from 'deskcache/react';
import { diskCache } from 'deskcache/renderer';
import { createElement as h, memo, type ReactNode, StrictMode, Suspense, type UIEvent, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { Note, stores } from './stores.ts';

const { app, notes, locked, outbox, rows } = diskCache.as<typeof stores>();
const letters = diskCache.queue<string>('letters');

/** The values of the first render, before anything was read. */
const firstThemes: string[] = [];
Object.assign(globalThis, { diskCache, firstThemes });

function App(): ReactNode {
  const [theme, setTheme] = useSetting(app, 'theme');
  firstThemes.push(theme);
  const { online } = useConnection();
  const isDark = theme === 'dark';
  return h(
    'main',
    { className: theme, style: STYLES[theme] },
    h('h1', null, 'Desk notes'),
    h('p', { id: 'online' }, online ? 'online' : 'offline'),
    h('button', { type: 'button', id: 'theme', onClick: () => void setTheme(isDark ? 'light' : 'dark') }, theme),
    h(FontSize),
    h(Draft),
    h(Suspense, { fallback: h('p', { id: 'waiting' }, 'waiting') }, h(Locked)),
    h(Notes),
    h(Outbox),
  );
}

function FontSize(): ReactNode {
  const { value, set, reset } = useSetting(app, 'editor.fontSize');
  return h(
    'p',
    { style: { fontSize: value } },
    h('span', { id: 'size' }, value),
    h('button', { type: 'button', id: 'larger', onClick: () => void set((shown) => shown + 1) }, 'larger'),
    h('button', { type: 'button', id: 'reset', onClick: () => void reset() }, 'reset'),
  );
}

/** A controlled field: each key goes to disk, and to all windows. */
function Draft(): ReactNode {
  const { value, set } = useEntry(notes, 'draft');
  const onChange = ({ target }: { readonly target: HTMLInputElement }) => void set({ text: target.value });
  return h('input', { id: 'draft', 'aria-label': 'Draft', value: value?.text ?? '', onChange });
}

/** A page may only read it, so each write is shown and taken back. */
function Locked(): ReactNode {
  const [word, set] = useEntry(locked, 'word', { suspense: true });
  const [refused, setRefused] = useState('');
  const onClick = () => void set('open sesame').catch(({ code }: { readonly code: string }) => setRefused(code));
  return h(
    'p',
    null,
    h('button', { type: 'button', id: 'word', onClick }, word),
    h('span', { id: 'refused' }, refused),
  );
}

function Notes(): ReactNode {
  const { entries, isLoading } = useEntries(notes, { prefix: 'note ', reverse: true });
  const add = () => void notes.set(`note ${crypto.randomUUID()}`, { text: `Note ${entries.length + 1}` });
  return h(
    'section',
    null,
    h('button', { type: 'button', id: 'add', onClick: add }, 'Add a note'),
    h('ul', { id: 'notes' }, isLoading ? null : entries.map(([key, note]) => h(NoteItem, { key, note }))),
  );
}

const NoteItem = memo(({ note }: { readonly note: Note }) => h('li', null, note.text));

function Outbox(): ReactNode {
  const { values } = useDeque(outbox);
  const { jobs, counts } = useJobs(letters);
  return h('p', { id: 'outbox' }, `${values.join(',')}; ${jobs.map(({ payload }) => payload)}; ${counts.ready} ready`);
}

const ROW_PX = 20;
const SHOWN_ROWS = 30;

/** All rows are known, those in sight are in the document. */
function Rows(): ReactNode {
  const { entries } = useEntries(rows);
  const [top, setTop] = useState(0);
  const first = Math.floor(top / ROW_PX);
  return h(
    'div',
    {
      id: 'list',
      style: { height: SHOWN_ROWS * ROW_PX, overflow: 'auto' },
      onScroll: ({ currentTarget }: UIEvent<HTMLElement>) => setTop(currentTarget.scrollTop),
    },
    h(
      'div',
      { id: 'rows', 'data-count': entries.length, style: { height: entries.length * ROW_PX, position: 'relative' } },
      entries
        .slice(first, first + SHOWN_ROWS + 2)
        .map(([key, value], at) => h(Row, { key, name: key, value, top: (first + at) * ROW_PX })),
    ),
  );
}

const Row = memo(({ name, value, top }: { readonly name: string; readonly value: number; readonly top: number }) =>
  h('div', { className: 'row', style: { position: 'absolute', top, height: ROW_PX } }, `${name}: ${value}`),
);

const STYLES = {
  light: { background: '#fff', color: '#222', padding: 24, font: '16px system-ui' },
  dark: { background: '#1d2330', color: '#eee', padding: 24, font: '16px system-ui' },
} as const;

createRoot(document.querySelector('#root')!).render(
  h(StrictMode, null, location.search === '?rows' ? h(Rows) : h(App)),
);
