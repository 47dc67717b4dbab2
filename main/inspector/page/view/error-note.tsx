import type { ErrorInfo } from '../../contract.ts';

/** What went wrong, and its code. */
export function ErrorNote({ error }: { readonly error: Error | ErrorInfo | undefined }) {
  if (error === undefined) return null;
  const code = (error as Partial<ErrorInfo>).code;
  return (
    <p class="error" role="alert">
      {error.message}
      {code !== undefined && <code> {code}</code>}
    </p>
  );
}
