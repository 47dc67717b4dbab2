/**
 * Returns a listener for errors of reads beside a subscription. After a lost connection the subscription either reports a reset, so that
 * everything is read again, or its own error.
 */
export const ignoreDisconnected =
  (fail: (error: unknown) => void) =>
  (error: unknown): void => {
    if ((Object(error) as { readonly code?: unknown }).code !== 'DISCONNECTED') fail(error);
  };

/** Subscribes; what is thrown, for an invalid range, goes to `fail`. Returns an unsubscribe function. */
export function subscribeOrFail(fail: (error: unknown) => void, subscribe: () => () => void): () => void {
  try {
    return subscribe();
  } catch (error) {
    fail(error);
    return () => {};
  }
}
