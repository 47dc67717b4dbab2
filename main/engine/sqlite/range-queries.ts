/** The clauses of a range query. Parameters in order: now, lower, upper, tag, after, until, limit, without those of absent clauses. */
export interface RangeShape {
  /** Excludes expired items. Without this clause, keys in key order are read from their index alone. */
  readonly now: boolean;
  readonly order: 'stored' | 'key';
  readonly reverse: boolean;
  readonly lower: boolean;
  readonly upper: boolean;
  readonly tag: boolean;
  /** Continues after an id (stored order) or a key (key order). */
  readonly after: boolean;
  /** Ends with an id or a key, inclusive. */
  readonly until?: boolean;
  /** In stored order: find the items by key and sort them, instead of walking the table. */
  readonly sorted: boolean;
  readonly columns: string;
}

/**
 * Returns the SQL of a range query. Every page is one search in the index of its order, so reading all pages is linear. The unary
 * plus keeps SQLite from using an index of that column, which would sort all rows again for each page.
 */
export function toRangeQuery(shape: RangeShape): string {
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

/** Returns the SQL that finds the id or key some rows further on. Parameters: after (if `after`), number of rows to skip. */
export function toWindowQuery({ order, reverse }: Pick<RangeShape, 'order' | 'reverse'>, after: boolean): string {
  const place = order === 'stored' ? 'id' : 'key';
  const clause = after ? `WHERE ${place} ${reverse ? '<' : '>'} ?` : '';
  return `SELECT ${place} FROM entry ${clause} ORDER BY ${place} ${reverse ? 'DESC' : 'ASC'} LIMIT 1 OFFSET ?`;
}

/** Returns the SQL that counts the items between two keys, up to a limit. Parameters: lower, upper, limit; absent ones are left out. */
export function toCountQuery(lower: boolean, upper: boolean): string {
  const clauses = [lower && 'key >= ?', upper && 'key < ?'].filter(Boolean);
  return `SELECT count(*) FROM (SELECT 1 FROM entry WHERE ${clauses.join(' AND ')} LIMIT ?)`;
}
