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
  readonly processId: number;
}

let lastRoutingId = 0;

/**
 * One frame with one document in it. After a navigation the object is destroyed, as the real one is when Chromium changes the
 * frame's host; every other member then throws.
 */
export class WebFrameMain
  extends StrictEmitter<Record<never, never>>
  implements Mirror<Electron.WebFrameMain, Implemented>
{
  readonly #document: PageDocument | undefined;
  readonly #place: Place;
  readonly #routingId = ++lastRoutingId;

  /** Without a document: the frame of a window that has loaded nothing yet. */
  constructor(document: PageDocument | undefined, place: Place) {
    super([]);
    this.#document = document;
    this.#place = place;
  }

  get url(): string {
    return fromChromium(this.#live?.opened.url ?? '');
  }

  get origin(): string {
    const { url, origin } = this.#live?.opened ?? { url: '', origin: 'null' };
    return url.startsWith('file:') ? 'file://' : fromChromium(origin);
  }

  get name(): string {
    return this.#live?.opened.name ?? '';
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
    return [this, ...this.frames.flatMap((frame) => frame.framesInSubtree)];
  }

  get processId(): number {
    this.#check();
    return this.#place.processId;
  }

  get routingId(): number {
    this.#check();
    return this.#routingId;
  }

  get detached(): boolean {
    return this.isDestroyed();
  }

  isDestroyed(): boolean {
    return this.#document?.ended ?? false;
  }

  send(channel: string, ...args: unknown[]): void {
    this.#live?.send(channel, clone(args));
  }

  postMessage(channel: string, message: unknown, transfer?: unknown[]): void {
    const document = this.#live;
    const args = clone([message]);
    document?.send(channel, args, takePorts(transfer));
  }

  get #live(): PageDocument | undefined {
    this.#check();
    return this.#document;
  }

  #check(): void {
    if (this.isDestroyed()) throw new Error('Render frame was disposed before WebFrameMain could be accessed');
  }
}
