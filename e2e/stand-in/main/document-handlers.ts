import type { SchemeHandler, SchemeHandlers } from './protocol.ts';

type HandlerMap = ReadonlyMap<string, SchemeHandler>;

/**
 * Which handlers a document may ask. Electron gives a document its factories of custom schemes when it is committed: one that was open
 * before `handleType` can't ask, one that was open before `unhandle` still can. http and https are looked up at each request.
 */
export class DocumentHandlers {
  readonly #handlersByDocument = new Map<string, HandlerMap>();

  /** A frame is about to show another document. */
  begin(frameId: string, { registered }: SchemeHandlers): void {
    this.#handlersByDocument.set(frameId, registered);
  }

  /** Returns the handlers of a document or a worker. If its start was not seen, they are those of its first request. */
  find(frameId: string, scheme: string, handlers: SchemeHandlers): SchemeHandler | undefined {
    if (handlers.intercepts(scheme)) return handlers.find(scheme);
    const given = this.#handlersByDocument.get(frameId) ?? handlers.registered;
    this.#handlersByDocument.set(frameId, given);
    return given.get(scheme);
  }
}
