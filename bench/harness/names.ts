/** What the contenders are called in the tables. */
export const FLOOR = 'bare better-sqlite3';
export const OURS = 'deskcache';
