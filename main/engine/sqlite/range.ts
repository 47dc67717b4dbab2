/** Which clauses a read of a range has. Parameters in order: now, lower, upper, tag, after, until, limit; absent ones are left out. */
export interface RangeShape {
  /** Leaves out what has expired. Where nothing has, keys in key order are read from their index alone, without the rows. */
  readonly now: boolean;
  readonly order: 'stored' | 'key';
  readonly reverse: boolean;
  readonly lower: boolean;
  readonly upper: boolean;
  readonly tag: boolean;
  /** Continues behind an id (stored order) or a key (key order). */
  readonly after: boolean;
  /** Ends with an id or a key. */
  readonly until?: boolean;
  /** In stored order: find the items by key and sort them, instead of walking the table. */
  readonly sorted: boolean;
  readonly columns: string;
}

/**
 * The text of a range read. Every page is one search in the index of its order, so a whole walk is linear: a plus sign
 * keeps a column from being looked up where that would sort everything again for each page.
 */
export function rangeText(shape: RangeShape): string {
  const stored = shape.order === 'stored';
  const place = stored ? 'id' : 'key';
  const key = stored && !shape.sorted ? '+key' : 'key';
  const clauses = [
    shape.now && '(expires_at IS NULL OR expires_at > ?)',
    shape.lower && `${key} >= ?`,
    shape.upper && `${key} < ?`,
    shape.tag && (stored && !shape.sorted ? 'tag = ?' : '+tag = ?'),
    shape.after && `${place} ${shape.reverse ? '<' : '>'} ?`,
    shape.until && `${place} ${shape.reverse ? '>=' : '<='} ?`,
  ].filter(Boolean);
  return `SELECT ${shape.columns} FROM entry ${shape.sorted ? 'INDEXED BY entry_key' : ''}
    ${clauses.length > 0 ? `WHERE ${clauses.join(' AND ')}` : ''} ORDER BY ${place} ${shape.reverse ? 'DESC' : 'ASC'} LIMIT ?`;
}

/** Finds the id or key a number of rows further on. Parameters: after, if there is one; how many rows to pass by. */
export function windowText({ order, reverse }: Pick<RangeShape, 'order' | 'reverse'>, after: boolean): string {
  const place = order === 'stored' ? 'id' : 'key';
  const clause = after ? `WHERE ${place} ${reverse ? '<' : '>'} ?` : '';
  return `SELECT ${place} FROM entry ${clause} ORDER BY ${place} ${reverse ? 'DESC' : 'ASC'} LIMIT 1 OFFSET ?`;
}

/** Counts the items between two keys, up to a limit. Parameters: lower, upper, limit; absent ones are left out. */
export function countText(lower: boolean, upper: boolean): string {
  const clauses = [lower && 'key >= ?', upper && 'key < ?'].filter(Boolean);
  return `SELECT count(*) FROM (SELECT 1 FROM entry WHERE ${clauses.join(' AND ')} LIMIT ?)`;
}
