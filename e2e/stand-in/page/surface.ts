/**
 * Changes to the page's own world, as few as possible: `fetch` learns the custom schemes, and a buffer in the transfer list of
 * a port that leads to the main process costs the message its content, as it does in Electron. Bundled into one script.
 */

/** `schemes`: those that pages may fetch, true: from other origins too. `top`: the end of the host a scheme stands behind. */
export function teachFetch(schemes: Readonly<Record<string, boolean>>, top: string): void {
  const originalFetch = globalThis.fetch;
  const mapped = (url: string): string | undefined => {
    const match = /^([a-z][a-z0-9-]*):\/\/([^/?#]*)(.*)$/is.exec(url);
    const scheme = match?.[1]?.toLowerCase() ?? '';
    if (!match || !Object.hasOwn(schemes, scheme)) return undefined;
    const origin = `https://${match[2]?.toLowerCase()}.${scheme}${top}`;
    return origin === self.origin || schemes[scheme] ? origin + match[3] : undefined;
  };
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : new URL(input, document.baseURI).href;
    const target = mapped(url);
    if (target === undefined) return originalFetch(input, init);
    const response = await originalFetch(input instanceof Request ? new Request(target, input) : target, init);
    return Object.defineProperty(response, 'url', { value: url });
  };
}

/** Ports that reach this window in a message it sent to itself come from the preload, and lead to the main process. */
export function loseTransferredBuffers(): void {
  const toMain = new WeakSet<MessagePort>();
  const original = MessagePort.prototype.postMessage;
  window.addEventListener(
    'message',
    (event) => {
      if (event.source === window) for (const port of event.ports) toMain.add(port);
    },
    { capture: true },
  );
  MessagePort.prototype.postMessage = function postMessage(
    this: MessagePort,
    message: unknown,
    options: Transferable[] | StructuredSerializeOptions = [],
  ) {
    const transfer: Transferable[] = Array.isArray(options) ? options : (options.transfer ?? []);
    const lossy = toMain.has(this) && transfer.some((item) => item instanceof ArrayBuffer);
    // The buffers are detached all the same.
    original.call(this, lossy ? null : message, { transfer });
  };
}
