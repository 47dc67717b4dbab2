// biome-ignore-all lint/a11y/useSemanticElements: rows of a table can't be placed one by one
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus, and says which row is active
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { Row, TaggedJson } from '../../contract.ts';
import { formatBytes, formatExpiry, formatKey, formatTime } from '../format.ts';
import type { RowWindow } from '../row-window.ts';
import { MAX_GRID_ROWS, ROW_HEIGHT_PX, useVirtualRows } from '../use-virtual-rows.ts';

interface GridProps {
  readonly label: string;
  readonly rows: RowWindow;
  readonly selected: TaggedJson;
  readonly onSelect: (key: TaggedJson) => void;
  /** Absent where nothing can be deleted. */
  readonly onDelete?: (key: TaggedJson) => void;
}

interface Column {
  readonly title: string;
  readonly className: string;
  readonly format: (row: Row) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'Key', className: 'key', format: ({ key }) => formatKey(key) },
  { title: 'Value', className: 'preview', format: ({ preview, error }) => error?.message ?? preview ?? '' },
  { title: 'Size', className: 'size', format: ({ bytes }) => (bytes === undefined ? '' : formatBytes(bytes)) },
  {
    title: 'Stored',
    className: 'time',
    format: ({ storedAt }) => (storedAt === undefined ? '' : formatTime(storedAt)),
  },
  {
    title: 'Expires',
    className: 'expiry',
    format: (row) => (row.storedAt === undefined ? '' : formatExpiry(row.expiresAt)),
  },
  { title: 'Tag', className: 'tag', format: ({ tag }) => (tag === undefined ? '' : String(tag)) },
];

const PAGE_ROWS = 20;
/** More than fit on a screen. Elements of rows that leave the view are used for those that enter it. */
const MAX_ROWS_IN_VIEW = 256;

/** How far each key moves the active row. */
const STEPS: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  ArrowUp: -1,
  PageDown: PAGE_ROWS,
  PageUp: -PAGE_ROWS,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/**
 * A grid of any number of rows; only those in view exist. One element has the focus; arrow keys move the active row, Enter opens it, Delete
 * deletes its item.
 */
export function Grid({ label, rows, selected, onSelect, onDelete }: GridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [, update] = useReducer((count: number) => count + 1, 0);
  const [active, setActive] = useState(0);
  const count = Math.min(rows.total, MAX_GRID_ROWS);
  const { items, heightPx, scrollToRow } = useVirtualRows(scroller, count, () => update(undefined));
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => rows.show(first, last + 1), [rows, first, last]);

  function onKeyDown(event: KeyboardEvent): void {
    const step = STEPS[event.key];
    const row = getPresent(rows.get(active));
    if (step !== undefined) {
      const next = Math.max(0, Math.min(count - 1, active + step));
      setActive(next);
      scrollToRow(next);
    } else if (event.key === 'Enter' && row !== undefined) onSelect(row.key);
    else if (event.key === 'Delete' && row !== undefined) onDelete?.(row.key);
    else return;
    event.preventDefault();
  }

  const activeId = `row-${active}`;
  return (
    <div
      class="grid"
      role="grid"
      aria-label={label}
      aria-rowcount={count + 1}
      aria-colcount={COLUMNS.length}
      aria-activedescendant={items.some(({ index }) => index === active) ? activeId : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      ref={scroller}
    >
      <div class="grid-row head" role="row" aria-rowindex={1}>
        {COLUMNS.map(({ title, className }, column) => (
          <span key={title} role="columnheader" aria-colindex={column + 1} class={className}>
            {title}
          </span>
        ))}
      </div>
      <div class="grid-body" role="rowgroup" style={{ height: `${heightPx}px` }}>
        {items.map(({ index, start }) => (
          <GridRow
            key={index % MAX_ROWS_IN_VIEW}
            index={index}
            top={start}
            row={rows.get(index)}
            isActive={index === active}
            selected={selected}
            onOpen={(key) => {
              setActive(index);
              onSelect(key);
            }}
          />
        ))}
      </div>
    </div>
  );
}

/** Returns a row unless its item is gone. */
const getPresent = (row: Row | undefined): Row | undefined => (row?.error?.code === 'GONE' ? undefined : row);

interface GridRowProps {
  readonly index: number;
  readonly top: number;
  readonly row: Row | undefined;
  readonly isActive: boolean;
  readonly selected: TaggedJson;
  readonly onOpen: (key: TaggedJson) => void;
}

function GridRow({ index, top, row, isActive, selected, onOpen }: GridRowProps) {
  const isSelected = row !== undefined && selected !== undefined && formatKey(row.key) === formatKey(selected);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the focus, and handles keys
    <div
      id={`row-${index}`}
      class="grid-row"
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-active={isActive}
      data-failed={row?.error !== undefined}
      style={{ height: `${ROW_HEIGHT_PX}px`, transform: `translateY(${top}px)` }}
      onClick={() => getPresent(row) !== undefined && onOpen(row!.key)}
    >
      {COLUMNS.map(({ title, className, format }, column) => (
        <span key={title} role="gridcell" aria-colindex={column + 1} class={className}>
          {row === undefined ? '…' : format(row)}
        </span>
      ))}
    </div>
  );
}
