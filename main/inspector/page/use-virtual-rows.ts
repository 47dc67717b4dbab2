import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export const ROW_HEIGHT_PX = 28;
/** A browser makes no element higher than about 33 million pixels. */
export const MAX_GRID_ROWS = 1_150_000;
const OVERSCAN_ROWS = 8;

export interface VirtualRows {
  readonly items: readonly VirtualItem[];
  readonly heightPx: number;
  readonly scrollToRow: (index: number) => void;
}

/** Returns the rows that an element shows, of a list of any length. */
export function useVirtualRows(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  onScroll: () => void,
): VirtualRows {
  const [virtualizer] = useState(() => new Virtualizer<HTMLElement, Element>(toOptions(scroller, count, onScroll)));
  virtualizer.setOptions(toOptions(scroller, count, onScroll));
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    items: virtualizer.getVirtualItems(),
    heightPx: virtualizer.getTotalSize(),
    scrollToRow: (index) => virtualizer.scrollToIndex(index),
  };
}

const toOptions = (scroller: RefObject<HTMLElement | null>, count: number, onChange: () => void) => ({
  count,
  getScrollElement: () => scroller.current,
  estimateSize: () => ROW_HEIGHT_PX,
  overscan: OVERSCAN_ROWS,
  scrollToFn: elementScroll,
  observeElementRect,
  observeElementOffset,
  onChange,
});
