import { overridesMethod, overridesMethodByParameter } from '../../../protocol/request-fields.ts';

/** Whether a request only reads, also to a server that takes the method from a field or from a parameter of the address. */
export function isSafe({ method, headers, url }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  return !overridesMethod(headers) && !overridesMethodByParameter(new URL(url).searchParams);
}
