import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { isConnectRequest, type PeerGone, type PortAnswer, type PortPurpose } from '../../protocol/handshake.ts';
import { createGoodbye } from '../../protocol/wire.ts';
import type { PagePort } from './ports.ts';

/** What a test host uses of a window: those of jsdom and happy-dom have it. */
export interface PageWindow {
  postMessage(message: unknown, ...rest: never[]): void;
  dispatchEvent(event: never): boolean;
  readonly Event: new (type: string) => object;
}

/** How the windows of this process are detached that are attached to a test host. */
const attachedWindows = new WeakMap<PageWindow, () => void>();

/**
 * Does for a window what the preload script and the main process do: answers the requests of `diskCache` for ports. A window belongs to one
 * test host: it is detached from an earlier one. Returns a function that disconnects the page and detaches the window.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is no window.
 */
export function attachToWindow(
  window: PageWindow,
  openPort: (purpose: PortPurpose) => PagePort,
  onDetach: () => void,
): () => void {
  assertWindow(window);
  attachedWindows.get(window)?.();
  const original = Object.getOwnPropertyDescriptor(window, 'postMessage');
  const postMessage: unknown = window.postMessage;
  const ports = new Map<string, PagePort>();
  let isAttached = true;

  // Not a listener of messages: jsdom delivers them by a timer, which a test may have replaced by a fake one, and without their source.
  Object.defineProperty(window, 'postMessage', {
    configurable: true,
    writable: true,
    value: (message: unknown, ...rest: unknown[]) => {
      if (isConnectRequest(message)) void answer(message.nonce, message.to ?? 'stores');
      else Reflect.apply(postMessage as (...args: unknown[]) => void, window, [message, ...rest]);
    },
  });
  attachedWindows.set(window, detach);
  return detach;

  async function answer(nonce: string, purpose: PortPurpose): Promise<void> {
    await undefined;
    if (!isAttached || ports.has(nonce)) return;
    const port = openPort(purpose);
    ports.set(nonce, port);
    dispatch({ deskcache: 'port', nonce }, [port]);
  }

  function dispatch(data: PortAnswer | PeerGone, given: readonly PagePort[]): void {
    const event = new window.Event('message');
    for (const [name, value] of Object.entries({ data, source: window, ports: given }))
      Object.defineProperty(event, name, { value });
    window.dispatchEvent(event as never);
  }

  function detach(): void {
    if (!isAttached) return;
    isAttached = false;
    attachedWindows.delete(window);
    if (original === undefined) Reflect.deleteProperty(window, 'postMessage');
    else Object.defineProperty(window, 'postMessage', original);
    const reason = {
      code: 'DISCONNECTED',
      message: 'The test host was closed, or the window detached from it',
    } as const;
    // At once, so that the page's next call, perhaps of the next test, doesn't go to this host.
    for (const port of ports.values()) port.dispatchEvent({ type: 'message', data: createGoodbye(reason) });
    onDetach();
  }
}

function assertWindow(window: unknown): void {
  const { postMessage, dispatchEvent, Event } = Object(window) as Record<string, unknown>;
  if ([postMessage, dispatchEvent, Event].every((it) => typeof it === 'function')) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `t.attach takes a window, as jsdom and happy-dom have it, not ${formatValue(window)}; run the test in one of these environments, or use t.page()`,
  );
}
