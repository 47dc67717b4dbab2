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

/** What a test host uses of a window: those of jsdom and happy-dom have it. */
export interface PageWindow {
  postMessage(message: unknown, ...rest: never[]): void;
  dispatchEvent(event: never): boolean;
  readonly Event: new (type: string) => object;
}

export interface AttachedPage {
  openPort(purpose: PortPurpose): PagePort;
  /** What the page's first line gets. */
  readonly readSettings: ReadyFunction;
  onDetach(): void;
}

type PostMessage = (message: unknown, ...rest: unknown[]) => void;

interface Attachment extends AttachedPage {
  readonly ports: PagePort[];
  detach(): void;
}

/** What the windows of this process are attached to, and their functions `postMessage`, which stay: also those that are detached get answers. */
const attachments = new WeakMap<PageWindow, Attachment>();
const interceptors = new WeakMap<PageWindow, PostMessage>();

/**
 * Does for a window what the preload script and the main process do: answers the requests of `diskCache` for ports. A window belongs to one
 * test host: it is detached from an earlier one. Returns a function that disconnects the page and detaches the window.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is no window.
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
    // At once, so that the page's next call, perhaps of the next test, doesn't go to this host.
    for (const port of attachment.ports) port.dispatchEvent({ type: 'message', data: createGoodbye(DETACHED) });
    // As when a page is left: subscriptions that were forgotten don't connect again by themselves.
    window.dispatchEvent(new window.Event('pagehide') as never);
    page.onDetach();
  }
}

const DETACHED = {
  code: 'DISCONNECTED',
  message:
    'The test host of this window was closed, or the window detached from it; attach it to another one with t.attach(window)',
} as const;

/** Not a listener of messages: jsdom delivers them by a timer, which a test may have replaced by a fake one, and without their source. */
function interceptRequests(window: PageWindow): void {
  const postMessage = window.postMessage as PostMessage;
  // The next environment of jsdom may have given the same window its own again.
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
