import { useState } from 'preact/hooks';
import type { KeyNode, TaggedJson } from '../../contract.ts';
import { call } from '../client.ts';
import { formatKey } from '../format.ts';
import { useCall } from '../use-call.ts';
import { ErrorNote } from './error-note.tsx';

interface KeyTreeProps {
  readonly store: string;
  /** That of the grid. */
  readonly prefix: TaggedJson;
  readonly onSelect: (prefix: TaggedJson) => void;
}

/** The keys of a store as groups: tuples by their elements, texts by their parts. */
export function KeyTree({ store, prefix, onSelect }: KeyTreeProps) {
  return (
    <section class="key-tree" aria-label={`Groups of keys of ${store}`}>
      <ul>
        <li>
          <button type="button" class="group" aria-pressed={prefix === undefined} onClick={() => onSelect(undefined)}>
            all keys
          </button>
        </li>
      </ul>
      <Groups store={store} within={undefined} prefix={prefix} onSelect={onSelect} />
    </section>
  );
}

interface GroupsProps extends KeyTreeProps {
  readonly within: TaggedJson;
}

function Groups({ store, within, prefix, onSelect }: GroupsProps) {
  const { result, error } = useCall('tree', { store, ...(within !== undefined && { prefix: within }) });
  const [more, setMore] = useState<readonly KeyNode[]>([]);
  const [next, setNext] = useState<TaggedJson>();
  const nodes = [...(result?.nodes ?? []), ...more];
  const after = next ?? (more.length === 0 ? result?.next : undefined);
  const groups = nodes.filter((node) => node.prefix !== undefined);
  async function loadMore(): Promise<void> {
    const found = await call('tree', { store, ...(within !== undefined && { prefix: within }), after });
    setMore((before) => [...before, ...found.nodes]);
    setNext(found.next);
  }
  return (
    <ul>
      <ErrorNote error={error} />
      {groups.map((node) => (
        <Group key={formatKey(node.prefix)} node={node} store={store} prefix={prefix} onSelect={onSelect} />
      ))}
      {nodes.length > groups.length && <li class="quiet">{nodes.length - groups.length} single keys</li>}
      {after !== undefined && (
        <li>
          <button type="button" onClick={loadMore}>
            More
          </button>
        </li>
      )}
    </ul>
  );
}

function Group({ node, store, prefix, onSelect }: KeyTreeProps & { readonly node: KeyNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <button
        type="button"
        class="toggle"
        aria-expanded={isOpen}
        aria-label={`Groups below ${node.label}`}
        onClick={() => setOpen(!isOpen)}
      >
        {isOpen ? '▾' : '▸'}
      </button>
      <button
        type="button"
        class="group"
        aria-pressed={prefix !== undefined && formatKey(prefix) === formatKey(node.prefix)}
        onClick={() => onSelect(node.prefix)}
      >
        {node.label}
      </button>
      {isOpen && <Groups store={store} within={node.prefix} prefix={prefix} onSelect={onSelect} />}
    </li>
  );
}
