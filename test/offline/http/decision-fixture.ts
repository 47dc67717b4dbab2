import type { StoredResponse } from '../../../main/offline/http/response-store.ts';

export const URL_A = 'https://a.example/thing';
export const NOW = Date.parse('2026-03-01T12:00:00Z');

/** Header fields; a string is the value of Cache-Control. */
export type Fields = string | Readonly<Record<string, string>>;

export const toFields = (fields: Fields = {}): Readonly<Record<string, string>> =>
  typeof fields === 'string' ? { 'cache-control': fields } : fields;

/** A stored response that was received `age` seconds ago. */
export function createStoredResponse(fields: Fields, age = 0, status = 200): StoredResponse {
  const receivedAt = NOW - age * 1000;
  const headers = new Headers({ date: new Date(receivedAt).toUTCString(), ...toFields(fields) });
  return { id: 'one', url: URL_A, status, statusText: 'Some', headers, requestedAt: receivedAt, receivedAt };
}
