import { type DatabasePages, mayBeTreePage } from './database-pages.ts';

const TABLE_INTERIOR = 5;
const TABLE_LEAF = 13;
const INTERIOR_HEADER_BYTES = 12;
const LAST_CHILD_AT = 8;
/** The table of items is the first one of a store, behind the schema and the first pointer map, and stays there. */
const ITEMS_ROOT_PAGE = 3;

/**
 * Returns the leaf pages of the table of items, as its inner pages name them; undefined where one of them is damaged, so that others may be
 * missing. O(pages of the table).
 */
export function listItemPages(pages: DatabasePages): ReadonlySet<number> | undefined {
  const leaves = new Set<number>();
  const seen = new Set<number>();
  const open = [ITEMS_ROOT_PAGE];
  for (let number = open.pop(); number !== undefined; number = open.pop()) {
    const page = pages.read(number);
    if (page === undefined || seen.has(number) || !mayBeTreePage(page, page.length)) return undefined;
    seen.add(number);
    if (page[0] === TABLE_LEAF) leaves.add(number);
    else if (page[0] === TABLE_INTERIOR) open.push(...listChildren(page));
    else return undefined;
  }
  return leaves;
}

function listChildren(page: Buffer): number[] {
  const children = [page.readUInt32BE(LAST_CHILD_AT)];
  const cells = page.readUInt16BE(3);
  for (let nth = 0; nth < cells; nth++) {
    const at = INTERIOR_HEADER_BYTES + 2 * nth;
    const cell = at + 2 <= page.length ? page.readUInt16BE(at) : page.length;
    // No page has the number 0.
    children.push(cell + 4 <= page.length ? page.readUInt32BE(cell) : 0);
  }
  return children;
}
