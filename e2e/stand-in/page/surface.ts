/**
 * Changes to the page's own world, as few as possible: windows are opened by the main process only, `fetch` learns the custom schemes, and a buffer in the transfer list of
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

/**
 * Every window a page opens is denied, and the page gets null; `setWindowOpenHandler` is asked, and may open one itself.
 * Asked from here and not from Chromium's own attempt, because a window that is closed at birth stalls its opener.
 */
export function openNothing(event: string): void {
  const ask = (url: string, name: string, features: string) =>
    document.dispatchEvent(new CustomEvent(event, { detail: { url, name, features } }));
  window.open = (url = '', name = '', features = '') => {
    const target = url === '' ? 'about:blank' : new URL(url, document.baseURI).href;
    ask(target, name === '_blank' ? '' : name, features);
    return null;
  };
  window.addEventListener('click', (click) => {
    const link = click.composedPath().find((node) => node instanceof HTMLAnchorElement);
    if (click.defaultPrevented || link?.target !== '_blank' || link.href === '') return;
    click.preventDefault();
    ask(link.href, '', '');
  });
}
