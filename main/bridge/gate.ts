import type { ErrorData } from '../../protocol/error.ts';
import { FACE_METHODS, type Refusal } from '../../protocol/wire.ts';
import type { Endpoint, Listener } from './endpoint.ts';

/**
 * The door in front of comlink, which serves what is rare. Comlink walks any path a message names and revives any transfer
 * handler it mentions, so a page could reach constructors and prototypes through it. Only one shape passes: a call of a method of
 * the face, by its name alone, with one plain argument. It reads comlink 4.4.2's wire words; a test fails when they change.
 *
 * Invariant: a message that is not passed on was answered, unless it carries no id that could be answered.
 */
export function gate(inner: Endpoint): Endpoint {
  return {
    postMessage: (message: unknown) => inner.postMessage(message),
    addEventListener: (type: string, listener: Listener) => {
      inner.addEventListener(type, (event) => {
        const { data } = event;
        if (isCall(data)) listener(event);
        else if (isAnswerable(data)) inner.postMessage({ id: data.id, type: 'RAW', value: REFUSED });
      });
    },
    // Comlink takes its listener away when it is sent RELEASE, and that never gets in.
    removeEventListener: () => {},
    start: () => inner.start?.(),
  };
}

const MAX_ID = 128;

const REFUSED: Refusal = {
  refused: {
    code: 'NOT_ALLOWED',
    message: `The main process refused a message that is no call of ${FACE_METHODS.join(', ')} with one plain argument`,
  } satisfies ErrorData,
};

function isAnswerable(message: unknown): message is { id: string } {
  return isRecord(message) && typeof message['id'] === 'string' && message['id'].length <= MAX_ID;
}

function isCall(message: unknown): boolean {
  if (!isAnswerable(message)) return false;
  const { type, path, argumentList } = message as unknown as Record<string, unknown>;
  return (
    type === 'APPLY' &&
    Array.isArray(path) &&
    path.length === 1 &&
    (FACE_METHODS as readonly unknown[]).includes(path[0]) &&
    Array.isArray(argumentList) &&
    argumentList.length === 1 &&
    isPlainArgument(argumentList[0])
  );
}

const isPlainArgument = (argument: unknown): boolean => isRecord(argument) && argument['type'] === 'RAW';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
