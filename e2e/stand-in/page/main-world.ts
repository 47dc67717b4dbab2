/**
 * Changes to the page's own world, as few as possible: windows are opened by the main process only, `fetch` and players learn the
 * custom schemes, and a buffer in the transfer list of a port that leads to the main process costs the message its content, as
 * it does in Electron. Bundled into one script.
 */

export { bridgeContexts } from './main-world-bridge.ts';

type Schemes = Readonly<Record<string, boolean>>;

/** Returns the https URL to which a custom scheme's URL is mapped, or undefined for other URLs. */
function toMappedUrl(url: string, schemes: Schemes, top: string) {
  const match = /^([a-z][a-z0-9-]*):\/\/([^/?#]*)(.*)$/is.exec(url);
  const scheme = match?.[1]?.toLowerCase() ?? '';
  if (!match || !Object.hasOwn(schemes, scheme)) return undefined;
  const origin = `https://${match[2]?.toLowerCase()}.${scheme}${top}`;
  return { scheme, origin, address: origin + match[3] };
}

/** `schemes`: those that pages may fetch; true: also from other origins. `top`: the host suffix of mapped schemes. */
export function teachFetch(schemes: Schemes, top: string): void {
  const originalFetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : new URL(input, document.baseURI).href;
    const target = toMappedUrl(url, schemes, top);
    const mode = init?.mode ?? (input instanceof Request ? input.mode : 'cors');
    // Blink asks a scheme without `corsEnabled` for another origin's page only where the page can't read the answer.
    const isAsked = target && (target.origin === self.origin || mode === 'no-cors' || schemes[target.scheme]);
    if (!isAsked) return originalFetch(input, init);
    const asked = input instanceof Request ? new Request(target.address, input) : target.address;
    const response = await originalFetch(asked, init && bytesAsFile(init));
    // No CORS was compared, and Electron's page sees none.
    const type = response.type === 'cors' ? 'basic' : response.type;
    return Object.defineProperties(response, { url: { value: type === 'opaque' ? '' : url }, type: { value: type } });
  };
}

/** DevTools tells of a request with all its bytes as text, but not with those of a file. What arrives is the same. */
function bytesAsFile(init: RequestInit): RequestInit {
  const { body } = init;
  const isBytes = body instanceof ArrayBuffer || ArrayBuffer.isView(body);
  return isBytes ? { ...init, body: new Blob([body as BufferSource]) } : init;
}

/**
 * A player asks once more when it seeks, and stops where the second answer is of another origin than the first; Chromium takes
 * each answer of a scheme it does not know for that. So `src`, when a script sets it, becomes the mapped address.
 */
export function teachPlayers(schemes: Schemes, top: string): void {
  const { prototype } = HTMLMediaElement;
  const src = Object.getOwnPropertyDescriptor(prototype, 'src')!;
  const mapped = (url: unknown) => toMappedUrl(String(url), schemes, top)?.address ?? url;
  Object.defineProperty(prototype, 'src', {
    ...src,
    set(this: HTMLMediaElement, url: unknown) {
      src.set!.call(this, mapped(url));
    },
  });
  prototype.setAttribute = function setAttribute(name: string, value: string) {
    Element.prototype.setAttribute.call(this, name, name.toLowerCase() === 'src' ? String(mapped(value)) : value);
  };
  globalThis.Audio = new Proxy(Audio, {
    construct: (target, [url, ...rest]: unknown[], asked) =>
      Reflect.construct(target, url === undefined ? [] : [mapped(url), ...rest], asked) as HTMLAudioElement,
  });
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
