import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import {
  isConnectRequest,
  type PortAnswer,
  type PortPurpose,
  READY_KEY,
  type ReadyFunction,
} from '../../protocol/handshake.ts';
import { createGoodbye } from '../../protocol/wire.ts';
import type { PagePort } from './ports.ts';

/** The part of a window that a test host uses. Windows of jsdom and happy-dom have it. */
export interface PageWindow {
  postMessage(message: unknown, ...rest: never[]): void;
  dispatchEvent(event: never): boolean;
  readonly Event: new (type: string) => object;
}

export interface AttachedPage {
  openPort(purpose: PortPurpose): PagePort;
  /** Returns the settings that the page gets in its first line. */
  readonly readSettings: ReadyFunction;
  onDetach(): void;
}

type PostMessage = (message: unknown, ...rest: unknown[]) => void;

interface Attachment extends AttachedPage {
  readonly ports: PagePort[];
  detach(): void;
}

/** The current attachment of each window. */
const attachments = new WeakMap<PageWindow, Attachment>();
/** The `postMessage` that each window was given. It stays after detaching, so that requests are still answered, with an error. */
const interceptors = new WeakMap<PageWindow, PostMessage>();

/**
 * Serves the requests of `diskCache` in a window for ports, as the preload script and the main process do. Detaches the window from an earlier
 * test host. Returns a function that disconnects the page and detaches the window.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if `window` is not a window.
 */
export function attachToWindow(window: PageWindow, page: AttachedPage): () => void {
  assertWindow(window);
  attachments.get(window)?.detach();
  interceptRequests(window);
  const attachment: Attachment = { ...page, ports: [], detach };
  attachments.set(window, attachment);
  Object.defineProperty(window, READY_KEY, { configurable: true, value: page.readSettings });
  return detach;

  function detach(): void {
    if (attachments.get(window) !== attachment) return;
    attachments.delete(window);
    Reflect.deleteProperty(window, READY_KEY);
    // Sent synchronously, so that the page's next call, perhaps that of the next test, doesn't go to this host.
    for (const port of attachment.ports) port.dispatchEvent({ type: 'message', data: createGoodbye(DETACHED) });
    // As when a page is left, so that subscriptions that a test has not ended don't reconnect.
    window.dispatchEvent(new window.Event('pagehide') as never);
    page.onDetach();
  }
}

const DETACHED = {
  code: 'DISCONNECTED',
  message:
    'The test host of this window was closed, or the window detached from it; attach it to another one with t.attach(window)',
} as const;

/**
 * Replaces `postMessage` instead of listening to messages: jsdom delivers those without their source, and by a timer that a test may have
 * replaced by a fake one.
 */
function interceptRequests(window: PageWindow): void {
  const postMessage = window.postMessage as PostMessage;
  // A new environment may have restored the window's own `postMessage`.
  if (postMessage === interceptors.get(window)) return;
  const intercept: PostMessage = (message, ...rest) => {
    if (isConnectRequest(message)) void respond(window, message.nonce, message.to ?? 'stores');
    else Reflect.apply(postMessage, window, [message, ...rest]);
  };
  interceptors.set(window, intercept);
  Object.defineProperty(window, 'postMessage', { configurable: true, writable: true, value: intercept });
}

async function respond(window: PageWindow, nonce: string, purpose: PortPurpose): Promise<void> {
  await null;
  const attachment = attachments.get(window);
  const port = attachment?.openPort(purpose);
  if (port !== undefined) attachment?.ports.push(port);
  const data: PortAnswer = { deskcache: 'port', nonce, ...(port === undefined && { error: DETACHED }) };
  const event = new window.Event('message');
  for (const [name, value] of Object.entries({ data, source: window, ports: port === undefined ? [] : [port] }))
    Object.defineProperty(event, name, { value });
  window.dispatchEvent(event as never);
}

function assertWindow(window: unknown): void {
  const { postMessage, dispatchEvent, Event } = Object(window) as Record<string, unknown>;
  if ([postMessage, dispatchEvent, Event].every((it) => typeof it === 'function')) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `t.attach takes a window, as jsdom and happy-dom have it, not ${formatValue(window)}; run the test in one of these environments, or use t.page()`,
  );
}
