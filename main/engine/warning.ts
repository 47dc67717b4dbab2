/** What was told last, by directory and code: a fault that lasts is told once, not every second. */
const told = new WeakMap<object, string>();

/**
 * Tells of a failure outside of every caller's stack, where it can't be caught and an exception would end the process: as a
 * warning of the process (the event `'warning'`; by default Node writes it to stderr). `about` is the store: the same failure is
 * told once in a row.
 */
export function warn(error: unknown, about: object, doing: string): void {
  const { code, message } = describe(error);
  const known = `${doing} ${code}`;
  if (told.get(about) === known) return;
  told.set(about, known);
  const warning = new Error(`${doing} failed, and is tried again: ${message}`, { cause: error });
  process.emitWarning(Object.assign(warning, { name: 'DiskCacheWarning', code }));
}

/** What was told as failing works again. */
export const settled = (about: object): boolean => told.delete(about);

/** Anything may have been thrown, also what can't be read. */
function describe(error: unknown): { readonly code: string; readonly message: string } {
  try {
    const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown };
    return { code: typeof code === 'string' ? code : '', message: String(message ?? error) };
  } catch {
    return { code: '', message: 'for a reason that can not be read' };
  }
}

/** Throws outside of every caller's stack, where it is reported as uncaught: as with an event target, what a listener throws is its own. */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Returns the same listener, which never throws. */
export const asListener =
  <A extends readonly unknown[]>(listener: (...told: A) => void): ((...told: A) => void) =>
  (...told) => {
    try {
      listener(...told);
    } catch (error) {
      reportUncaught(error);
    }
  };
