import { EventEmitter } from 'node:events';

/** Every emitter of Node has them. */
const EVENTS_OF_EVERY_EMITTER: ReadonlySet<string> = new Set(['newListener', 'removeListener']);

/** Runtimes and printers look these up on any object; they are not part of Electron's API. */
const ASKED_OF_EVERY_OBJECT = new Set(['then', 'toJSON', 'domain', 'nodeType', 'asymmetricMatch']);

function refuse(owner: string, member: string): never {
  throw new Error(`stand-in: ${owner}.${member} is not implemented; add it under e2e/stand-in or run in Electron`);
}

/** Behind this proxy a member nobody wrote throws with its name instead of being undefined. For objects without private members. */
export function strictly<T extends object>(owner: string, object: T): T {
  return new Proxy(object, {
    get(target, key, receiver) {
      if (typeof key === 'symbol' || key in target || ASKED_OF_EVERY_OBJECT.has(key)) {
        return Reflect.get(target, key, receiver);
      }
      return refuse(owner, key);
    },
  });
}

/** Options are read by name; one that is not on the list throws, so that none is silently ignored. */
export function onlyKnown(owner: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) if (!known.includes(name)) refuse(owner, name);
}

/**
 * An emitter with a closed list of events, whose instances refuse members they don't have.
 * Invariant: the proxy stands at the end of the prototype chain, so it sees only what no class in between answers.
 */
export abstract class StrictEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  constructor(events: readonly (keyof Events)[]) {
    super();
    EventEmitter.prototype.on.call(this, 'newListener', (event: string) => {
      if (!EVENTS_OF_EVERY_EMITTER.has(event) && !(events as readonly string[]).includes(event))
        refuse(this.constructor.name, `on('${event}')`);
    });
  }
}

/** A plain class whose instances refuse members they don't have. */
export abstract class Strict {}

const endOfChain = (prototype: object): object =>
  new Proxy(prototype, {
    get(target, key, receiver: object) {
      if (typeof key === 'symbol' || key in target || ASKED_OF_EVERY_OBJECT.has(key)) {
        return Reflect.get(target, key, receiver);
      }
      return refuse(receiver.constructor.name, key);
    },
  });
Object.setPrototypeOf(StrictEmitter.prototype, endOfChain(EventEmitter.prototype));
Object.setPrototypeOf(Strict.prototype, endOfChain(Object.prototype));

/** What a listener may cancel: Electron's `event` argument, without members that depend on the sender. */
export class Cancelable {
  defaultPrevented = false;

  preventDefault(): void {
    this.defaultPrevented = true;
  }
}
