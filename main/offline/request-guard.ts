/** Looks at requests of somebody who may not reach everything. */
export interface RequestGuard {
  /** Before a request, or the next one of a redirect, is answered, also from what is stored. Throws to refuse it. */
  beforeAnswer(request: Request): void;
  /** Before a request is sent. Rejects to refuse it. */
  beforeSending(request: Request): Promise<void>;
}
