// One language throughout: the data is in English.
const LOCALE = 'en-GB';
const time = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'short' });
const dayAndTime = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const list = new Intl.ListFormat(LOCALE);

/** Times of today are shown without the date. */
export function formatInstant(instant: number): string {
  const today = new Date().toDateString() === new Date(instant).toDateString();
  return (today ? time : dayAndTime).format(instant);
}

/** Milliseconds, one decimal below ten. */
export const formatDuration = (took: number): string => `${(took < 10 ? fine : whole).format(took)} ms`;

export const formatCount = (count: number, one: string, many = `${one}s`): string =>
  `${whole.format(count)} ${count === 1 ? one : many}`;

export const formatBytes = (bytes: number): string => `${fine.format(bytes / 2 ** 20)} MiB`;

export const formatArea = (squareKilometres: number): string =>
  `${(squareKilometres < 10 ? fine : whole).format(squareKilometres)} km²`;

/** The first `most` items, and the number of the others. */
export function formatList(items: readonly string[], most = 6): string {
  if (items.length <= most + 1) return list.format(items);
  return list.format([...items.slice(0, most), `${items.length - most} more`]);
}
