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

/**
 * Wraps a listener of the application, whose failure is its own: what it throws, or rejects with, becomes a warning of the process
 * (`DiskCacheWarning`, with the error as `cause`). Neither the call that it hears of fails by it, nor does the process end. `of` says what
 * it listens to.
 */
export function asListener<A extends readonly unknown[]>(
  listener: (...args: A) => unknown,
  of: string,
): (...args: A) => void {
  const warn = (cause: unknown): void => {
    const warning = new Error(`A listener of ${of} failed; see the cause`, { cause });
    process.emitWarning(Object.assign(warning, { name: 'DiskCacheWarning' }));
  };
  return (...args) => {
    try {
      const result = listener(...args);
      if (result instanceof Promise) result.catch(warn);
    } catch (error) {
      warn(error);
    }
  };
}
