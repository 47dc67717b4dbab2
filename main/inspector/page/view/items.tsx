import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type { Params, StoreSummary, TaggedJson } from '../../contract.ts';
import { call } from '../client.ts';
import { formatCount, formatKey } from '../format.ts';
import { RowWindow } from '../row-window.ts';
import { MAX_GRID_ROWS } from '../use-virtual-rows.ts';
import { ErrorNote } from './error-note.tsx';
import { Grid } from './grid.tsx';
import { KeyTree } from './key-tree.tsx';
import { ValuePanel } from './value-panel.tsx';

interface ItemsProps {
  readonly summary: StoreSummary;
  readonly canWrite: boolean;
  readonly onChanged: () => void;
}

type Search = Omit<Params<'search'>, 'store'>;

const PROGRESS_INTERVAL_MS = 500;

/** The items of a store: a tree of the keys, a grid, and the value of the selected row. */
export function Items({ summary, canWrite, onChanged }: ItemsProps) {
  const store = summary.name;
  const hasKeys = summary.kind !== 'deque' && summary.kind !== 'settings';
  const [search, setSearch] = useState<Search>({});
  const [round, reload] = useReducer((count: number) => count + 1, 0);
  const { rows, error } = useRows(store, search, round);
  const [selected, setSelected] = useState<TaggedJson>();
  const [failure, setFailure] = useState<Error>();
  const onEdited = (): void => {
    reload(undefined);
    onChanged();
  };
  const remove = (key: TaggedJson): void => {
    call('delete', { store, key })
      .then(() => setFailure(undefined), setFailure)
      .finally(onEdited);
  };
  return (
    <div class="items">
      <SearchBar search={search} hasKeys={hasKeys} onSearch={setSearch} onReload={() => reload(undefined)} />
      <ErrorNote error={error ?? rows?.error ?? failure} />
      <p role="status" class="counts">
        {rows === undefined ? 'Searching…' : describeRows(rows, search)}
      </p>
      <div class="panes" data-has-tree={hasKeys}>
        {hasKeys && (
          <KeyTree store={store} prefix={search.prefix} onSelect={(prefix) => setSearch(withPrefix(search, prefix))} />
        )}
        {rows !== undefined && (
          <Grid
            label={`Items of ${store}`}
            rows={rows}
            selected={selected}
            onSelect={setSelected}
            {...(canWrite && summary.kind !== 'deque' && { onDelete: remove })}
          />
        )}
        {selected !== undefined && (
          <ValuePanel
            key={formatKey(selected)}
            store={store}
            itemKey={selected}
            canWrite={canWrite}
            round={round}
            onEdited={onEdited}
            onClose={() => setSelected(undefined)}
            {...(summary.kind !== 'deque' && { onDelete: remove })}
          />
        )}
      </div>
    </div>
  );
}

const withPrefix = ({ prefix: _, ...search }: Search, prefix: TaggedJson): Search =>
  prefix === undefined ? search : { ...search, prefix };

function describeRows({ total, isComplete, isCut }: RowWindow, { glob }: Search): string {
  const found = `${formatCount(total)} ${total === 1 ? 'item' : 'items'}`;
  if (isCut) return `The first ${found} that fit; a longer pattern finds fewer`;
  if (total > MAX_GRID_ROWS)
    return `${found}; the first ${formatCount(MAX_GRID_ROWS)} are listed: search by prefix for others`;
  return isComplete ? found : `${found}${glob === undefined ? '' : ' so far'}…`;
}

/** Begins a search, and asks how far it is while the store is walked. */
function useRows(
  store: string,
  search: Search,
  round: number,
): { readonly rows: RowWindow | undefined; readonly error: Error | undefined } {
  const [, update] = useReducer((count: number) => count + 1, 0);
  const [state, setState] = useState<{ readonly rows?: RowWindow; readonly error?: Error }>({});
  useEffect(() => {
    let isCurrent = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = (): void => {
      if (isCurrent) update(undefined);
    };
    call('search', { store, ...search }).then(
      ({ list }) => {
        if (!isCurrent) return;
        const read = (from: number, count: number) => call('rows', { list, from, count });
        const rows = new RowWindow(read, refresh);
        setState({ rows });
        const poll = (): void => {
          if (!isCurrent || rows.isComplete || rows.error !== undefined) return;
          read(0, 0)
            .then(
              ({ total, isComplete, isCut }) => Object.assign(rows, { total, isComplete, isCut }),
              () => {},
            )
            .finally(refresh);
          timer = setTimeout(poll, PROGRESS_INTERVAL_MS);
        };
        timer = setTimeout(poll, PROGRESS_INTERVAL_MS);
      },
      (error: Error) => isCurrent && setState({ error }),
    );
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [store, search, round]);
  return { rows: state.rows, error: state.error };
}

interface SearchBarProps {
  readonly search: Search;
  readonly hasKeys: boolean;
  readonly onSearch: (search: Search) => void;
  readonly onReload: () => void;
}

const SEARCH_DELAY_MS = 200;

function SearchBar({ search, hasKeys, onSearch, onReload }: SearchBarProps) {
  const latest = useRef(search);
  latest.current = search;
  const [glob, setGlob] = useState(search.glob ?? '');
  const searchSoon = useMemo(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    return (pattern: string): void => {
      clearTimeout(timer);
      timer = setTimeout(() => onSearch(withGlob(latest.current, pattern)), SEARCH_DELAY_MS);
    };
  }, [onSearch]);
  return (
    <search>
      <form
        class="toolbar"
        onSubmit={(event) => {
          event.preventDefault();
          onSearch(withGlob(search, glob));
        }}
      >
        <label>
          Find{' '}
          <input
            type="search"
            value={glob}
            placeholder="user:*"
            title="* stands for any characters, ? for one. Tuples are compared as JSON: [&quot;user&quot;,*"
            onInput={({ currentTarget }) => {
              setGlob(currentTarget.value);
              searchSoon(currentTarget.value);
            }}
          />
        </label>
        {search.prefix !== undefined && (
          <button type="button" class="chip" onClick={() => onSearch(withPrefix(search, undefined))}>
            begins with {formatKey(search.prefix)} ✕<span class="hidden"> remove</span>
          </button>
        )}
        {hasKeys && (
          <label>
            Order{' '}
            <select
              value={search.order ?? 'key'}
              onChange={({ currentTarget }) => onSearch({ ...search, order: currentTarget.value as 'key' | 'stored' })}
            >
              <option value="key">by key</option>
              <option value="stored">as stored</option>
            </select>
          </label>
        )}
        <label>
          <input
            type="checkbox"
            checked={search.reverse ?? false}
            onChange={({ currentTarget }) => onSearch({ ...search, reverse: currentTarget.checked })}
          />{' '}
          from the end
        </label>
        <button type="button" onClick={onReload}>
          Search again
        </button>
      </form>
    </search>
  );
}

/** A text without `*` and `?` is looked for anywhere in a key. */
function withGlob({ glob: _, ...search }: Search, pattern: string): Search {
  if (pattern === '') return search;
  return { ...search, glob: /[*?]/.test(pattern) ? pattern : `*${pattern}*` };
}
