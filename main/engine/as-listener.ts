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
