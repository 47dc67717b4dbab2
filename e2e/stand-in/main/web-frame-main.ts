import type * as Electron from 'electron';
import type { Mirror } from '../mirror.ts';
import { fromChromium } from '../schemes.ts';
import { StrictEmitter } from '../strict.ts';
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

/** Where a frame stands in its tree; answered by the tree. */
export interface Place {
  parent(): WebFrameMain | null;
  children(): WebFrameMain[];
}

/** What a frame shows, in Chromium's words. */
export interface Shown {
  readonly url: string;
  readonly origin: string;
  readonly name: string;
}

const EMPTY: Shown = { url: '', origin: 'null', name: '' };

let lastProcessId = 0;
let lastRoutingId = 0;

/**
 * One frame, whatever document is in it: the object stays through navigations, as in Electron (a frame tree node, not a
 * RenderFrameHost). A document of the same origin keeps the frame's two numbers, one of another origin has others: so neither
 * the object nor its numbers tell two documents of one origin apart. After a crash everything but `isDestroyed` and `detached`
 * throws until the next document is committed; in a frame that was removed, for ever.
 */
export class WebFrameMain
  extends StrictEmitter<Record<never, never>>
  implements Mirror<Electron.WebFrameMain, Implemented>
{
  readonly #place: Place;
  #shown = EMPTY;
  #processId = 0;
  #routingId = 0;
  #state: 'live' | 'disposed' | 'removed' = 'live';
  #document: PageDocument | undefined;
  /** Messages posted to a document before its scripts run. */
  #waiting: ((document: PageDocument) => void)[] = [];

  /** The frame of a window that has loaded nothing yet. */
  constructor(place: Place) {
    super([]);
    this.#place = place;
    this.#moveToNewHost();
  }

  get url(): string {
    this.#check();
    return fromChromium(this.#shown.url);
  }

  get origin(): string {
    this.#check();
    const { url, origin } = this.#shown;
    return url.startsWith('file:') ? 'file://' : fromChromium(origin);
  }

  get name(): string {
    this.#check();
    return this.#shown.name;
  }

  get parent(): WebFrameMain | null {
    this.#check();
    return this.#place.parent();
  }

  get top(): WebFrameMain | null {
    this.#check();
    return this.#place.parent()?.top ?? this;
  }

  get frames(): WebFrameMain[] {
    this.#check();
    return this.#place.children();
  }

  get framesInSubtree(): WebFrameMain[] {
    this.#check();
    return [this, ...this.#place.children().flatMap((frame) => (frame.isDestroyed() ? frame : frame.framesInSubtree))];
  }

  get processId(): number {
    this.#check();
    return this.#processId;
  }

  get routingId(): number {
    this.#check();
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
    this.#check();
    this.#tell((document) => document.send(channel, cloned));
  }

  postMessage(channel: string, message: unknown, transfer?: unknown[]): void {
    const args = clone([message]);
    const ends = takePorts(transfer);
    this.#check();
    this.#tell((document) => document.send(channel, args, ends));
  }

  /** Another document is in the frame; its scripts have not begun. */
  commit(shown: Shown): void {
    if (this.#state === 'removed') return;
    if (this.#state === 'disposed' || shown.origin !== this.#shown.origin) this.#moveToNewHost();
    this.#state = 'live';
    this.#shown = shown;
    this.#document = undefined;
    this.#waiting = [];
  }

  /** Whether the document in the frame can receive messages. */
  open(document: PageDocument): void {
    this.#shown = document.opened;
    this.#document = document;
    for (const tell of this.#waiting.splice(0)) tell(document);
  }

  /** Its process has crashed, or it was removed from its page. */
  dispose(why: 'disposed' | 'removed'): void {
    this.#state = why;
    this.#document = undefined;
    this.#waiting = [];
  }

  #tell(tell: (document: PageDocument) => void): void {
    if (this.#document) tell(this.#document);
    else this.#waiting.push(tell);
  }

  #moveToNewHost(): void {
    this.#processId = ++lastProcessId;
    this.#routingId = ++lastRoutingId;
  }

  #check(): void {
    if (this.isDestroyed()) throw new Error('Render frame was disposed before WebFrameMain could be accessed');
  }
}
