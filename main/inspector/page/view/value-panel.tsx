import { useEffect, useState } from 'preact/hooks';
import type { TaggedJson, ValueDetails } from '../../contract.ts';
import { loadImage } from '../client.ts';
import { formatBytes, formatCount, formatExpiry, formatKey, formatTime } from '../format.ts';
import { useCall } from '../use-call.ts';
import { ErrorNote } from './error-note.tsx';
import { HexView } from './hex-view.tsx';
import { type Tab, Tabs } from './tabs.tsx';
import { ValueEditor } from './value-editor.tsx';
import { ValueTree } from './value-tree.tsx';

interface ValuePanelProps {
  readonly store: string;
  readonly itemKey: TaggedJson;
  readonly canWrite: boolean;
  /** Changes when the value has to be read again. */
  readonly round: number;
  readonly onEdited: () => void;
  readonly onClose: () => void;
  readonly onDelete?: (key: TaggedJson) => void;
}

type ViewName = 'tree' | 'text' | 'image' | 'hex' | 'edit';

function listViews(details: ValueDetails, canWrite: boolean): readonly Tab<ViewName>[] {
  const views: Tab<ViewName>[] = [];
  if (details.imageType !== undefined) views.push({ name: 'image', label: 'Image' });
  if (details.text !== undefined) views.push({ name: 'text', label: 'Text' });
  if (details.tree !== undefined) views.push({ name: 'tree', label: 'Tree' });
  if (details.byteLength !== undefined) views.push({ name: 'hex', label: 'Hex' });
  if (canWrite && details.json !== undefined) views.push({ name: 'edit', label: 'Edit' });
  return views;
}

/** Everything about one item, and its value in several views. */
export function ValuePanel({ store, itemKey, canWrite, round, onEdited, onClose, onDelete }: ValuePanelProps) {
  const { result: details, error, reload } = useCall('value', { store, key: itemKey });
  const [chosen, setChosen] = useState<ViewName>();
  useEffect(() => {
    if (round > 0) reload();
  }, [round, reload]);
  const views = details === undefined ? [] : listViews(details, canWrite);
  const view = views.find(({ name }) => name === chosen)?.name ?? views[0]?.name;
  return (
    <section class="value" aria-label="Value of the selected item">
      <div class="toolbar">
        <h3>{formatKey(itemKey)}</h3>
        {canWrite && onDelete !== undefined && details?.row.error === undefined && (
          <button type="button" onClick={() => onDelete(itemKey)}>
            Delete
          </button>
        )}
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <ErrorNote error={error ?? details?.row.error} />
      {details !== undefined && <Facts details={details} />}
      {details !== undefined && view === undefined && details.row.error === undefined && (
        <p class="quiet">The value is too large to be shown.</p>
      )}
      {details !== undefined && view !== undefined && (
        <Tabs label="Views of the value" tabs={views} selected={view} onSelect={setChosen}>
          {view === 'tree' && details.tree !== undefined && <ValueTree node={details.tree} />}
          {view === 'text' && <TextView details={details} />}
          {view === 'image' && <ImageView store={store} itemKey={itemKey} />}
          {view === 'hex' && <HexView store={store} itemKey={itemKey} byteLength={details.byteLength ?? 0} />}
          {view === 'edit' && <ValueEditor store={store} itemKey={itemKey} json={details.json} onSaved={onEdited} />}
        </Tabs>
      )}
    </section>
  );
}

function Facts({ details }: { readonly details: ValueDetails }) {
  const { row, accessedAt, isCompressed, isInFile } = details;
  const facts: (readonly [string, string | undefined])[] = [
    ['Size', row.bytes === undefined ? undefined : formatBytes(row.bytes)],
    ['Encoding', describeEncoding(row.encoding, isCompressed, isInFile)],
    ['Stored', row.storedAt === undefined ? undefined : formatTime(row.storedAt)],
    ['Used', accessedAt === undefined ? undefined : formatTime(accessedAt)],
    ['Hits', row.hits === undefined || accessedAt === undefined ? undefined : formatCount(row.hits)],
    ['Expires', row.storedAt === undefined ? undefined : formatExpiry(row.expiresAt)],
    ['Tag', row.tag === undefined ? undefined : String(row.tag)],
  ];
  return (
    <dl class="facts">
      {facts.map(
        ([name, fact]) =>
          fact !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{fact}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function describeEncoding(encoding: string | undefined, isCompressed = false, isInFile = false): string | undefined {
  if (encoding === undefined) return undefined;
  return [encoding, ...(isCompressed ? ['zstd'] : []), ...(isInFile ? ['in a file'] : [])].join(', ');
}

function TextView({ details }: { readonly details: ValueDetails }) {
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre class="text" tabIndex={0}>
        {details.text}
      </pre>
      {details.isTextCut && <p class="quiet">Only the beginning is shown.</p>}
    </>
  );
}

function ImageView({ store, itemKey }: { readonly store: string; readonly itemKey: TaggedJson }) {
  const [url, setUrl] = useState<string>();
  const [error, setError] = useState<Error>();
  const key = JSON.stringify(itemKey);
  useEffect(() => {
    let made: string | undefined;
    let isShown = true;
    loadImage({ store, key: JSON.parse(key) }).then((it) => {
      made = it;
      if (isShown) setUrl(it);
      else URL.revokeObjectURL(it);
    }, setError);
    return () => {
      isShown = false;
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [store, key]);
  return (
    <>
      <ErrorNote error={error} />
      {url !== undefined && <img class="image" src={url} alt={`The value of ${formatKey(itemKey)}`} />}
    </>
  );
}
