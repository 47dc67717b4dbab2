import type * as Electron from 'electron';
import { fromChromiumUrl } from '../scheme-mapping.ts';
import type { ElectronMembers } from '../type-conformance.ts';
import { GuardedEmitter } from '../unknown-member-guard.ts';
import { clone } from './clone.ts';
import { takePorts } from './message-port-main.ts';
import type { PageDocument } from './page-document.ts';

type Implemented =
  | 'url'
  | 'origin'
  | 'name'
  | 'parent'
  | 'top'
  | 'frames'
  | 'framesInSubtree'
  | 'processId'
  | 'routingId'
  | 'detached'
  | 'isDestroyed'
  | 'send'
  | 'postMessage';

/** The position of a frame in its tree; provided by the tree. */
export interface FramePosition {
  parent(): WebFrameMain | null;
  children(): WebFrameMain[];
}

/** What a frame shows, in Chromium's words. */
export interface FrameDocument {
  readonly url: string;
  readonly origin: string;
  readonly name: string;
}

const EMPTY_DOCUMENT: FrameDocument = { url: '', origin: 'null', name: '' };

let lastProcessId = 0;
let lastRoutingId = 0;

/**
 * One frame, whatever document is in it: the object stays through navigations, as in Electron (a frame tree node, not a
 * RenderFrameHost). A document of the same origin keeps the frame's two numbers, one of another origin has others: so neither
 * the object nor its numbers tell two documents of one origin apart. After a crash everything but `isDestroyed` and `detached`
 * throws until the next document is committed; in a frame that was removed, for ever.
 */
export class WebFrameMain
  extends GuardedEmitter<Record<never, never>>
  implements ElectronMembers<Electron.WebFrameMain, Implemented>
{
  readonly #position: FramePosition;
  #current = EMPTY_DOCUMENT;
  #processId = 0;
  #routingId = 0;
  #state: 'live' | 'disposed' | 'removed' = 'live';
  #document: PageDocument | undefined;
  /** Messages posted to a document before its scripts run. */
  #waiting: ((document: PageDocument) => void)[] = [];

  /** The frame of a window that has loaded nothing yet. */
  constructor(place: FramePosition) {
    super([]);
    this.#position = place;
    this.#moveToNewHost();
  }

  get url(): string {
    this.#assertAlive();
    return fromChromiumUrl(this.#current.url);
  }

  get origin(): string {
    this.#assertAlive();
    const { url, origin } = this.#current;
    return url.startsWith('file:') ? 'file://' : fromChromiumUrl(origin);
  }

  get name(): string {
    this.#assertAlive();
    return this.#current.name;
  }

  get parent(): WebFrameMain | null {
    this.#assertAlive();
    return this.#position.parent();
  }

  get top(): WebFrameMain | null {
    this.#assertAlive();
    return this.#position.parent()?.top ?? this;
  }

  get frames(): WebFrameMain[] {
    this.#assertAlive();
    return this.#position.children();
  }

  get framesInSubtree(): WebFrameMain[] {
    this.#assertAlive();
    return [
      this,
      ...this.#position.children().flatMap((frame) => (frame.isDestroyed() ? frame : frame.framesInSubtree)),
    ];
  }

  get processId(): number {
    this.#assertAlive();
    return this.#processId;
  }

  get routingId(): number {
    this.#assertAlive();
    return this.#routingId;
  }

  get detached(): boolean {
    return this.isDestroyed();
  }

  isDestroyed(): boolean {
    return this.#state !== 'live';
  }

  send(channel: string, ...args: unknown[]): void {
    const cloned = clone(args);
    this.#assertAlive();
    this.#post((document) => document.send(channel, cloned));
  }

  postMessage(channel: string, message: unknown, transfer?: unknown[]): void {
    const args = clone([message]);
    const ends = takePorts(transfer);
    this.#assertAlive();
    this.#post((document) => document.send(channel, args, ends));
  }

  /** Another document is in the frame; its scripts have not begun. */
  commit(shown: FrameDocument): void {
    if (this.#state === 'removed') return;
    if (this.#state === 'disposed' || shown.origin !== this.#current.origin) this.#moveToNewHost();
    this.#state = 'live';
    this.#current = shown;
    this.#document = undefined;
    this.#waiting = [];
  }

  /** Whether the document in the frame can receive messages. */
  open(document: PageDocument): void {
    this.#current = document.opened;
    this.#document = document;
    for (const tell of this.#waiting.splice(0)) tell(document);
  }

  /** Its process has crashed, or it was removed from its page. */
  dispose(why: 'disposed' | 'removed'): void {
    this.#state = why;
    this.#document = undefined;
    this.#waiting = [];
  }

  #post(tell: (document: PageDocument) => void): void {
    if (this.#document) tell(this.#document);
    else this.#waiting.push(tell);
  }

  #moveToNewHost(): void {
    this.#processId = ++lastProcessId;
    this.#routingId = ++lastRoutingId;
  }

  #assertAlive(): void {
    if (this.isDestroyed()) throw new Error('Render frame was disposed before WebFrameMain could be accessed');
  }
}
