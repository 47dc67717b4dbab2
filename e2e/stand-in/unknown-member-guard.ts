import { EventEmitter } from 'node:events';

/** Every emitter of Node has them. */
const COMMON_EMITTER_EVENTS: ReadonlySet<string> = new Set(['newListener', 'removeListener']);

/** Runtimes and printers look these up on any object; they are not part of Electron's API. */
const COMMON_MEMBERS = new Set(['then', 'toJSON', 'domain', 'nodeType', 'asymmetricMatch']);

function throwUnknown(owner: string, member: string): never {
  throw new Error(`stand-in: ${owner}.${member} is not implemented; add it under e2e/stand-in or run in Electron`);
}

/**
 * A proxy that throws, with the name, when a member is used that the stand-in doesn't implement. For objects without private members.
 */
export function guardMembers<T extends object>(owner: string, object: T): T {
  return new Proxy(object, {
    get(target, key, receiver) {
      if (typeof key === 'symbol' || key in target || COMMON_MEMBERS.has(key)) {
        return Reflect.get(target, key, receiver);
      }
      return throwUnknown(owner, key);
    },
  });
}

/** Options are read by name; one that is not on the list throws, so that none is silently ignored. */
export function assertKnownOptions(owner: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) if (!known.includes(name)) throwUnknown(owner, name);
}

/**
 * An emitter with a closed list of events, whose instances refuse members they don't have.
 * Invariant: the proxy is at the end of the prototype chain, so it is reached only for members that no class in between has.
 */
export abstract class GuardedEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  constructor(events: readonly (keyof Events)[]) {
    super();
    EventEmitter.prototype.on.call(this, 'newListener', (event: string) => {
      if (!COMMON_EMITTER_EVENTS.has(event) && !(events as readonly string[]).includes(event))
        throwUnknown(this.constructor.name, `on('${event}')`);
    });
  }
}

/** A plain class whose instances refuse members they don't have. */
export abstract class GuardedObject {}

const prototypeEnd = (prototype: object): object =>
  new Proxy(prototype, {
    get(target, key, receiver: object) {
      if (typeof key === 'symbol' || key in target || COMMON_MEMBERS.has(key)) {
        return Reflect.get(target, key, receiver);
      }
      return throwUnknown(receiver.constructor.name, key);
    },
  });
Object.setPrototypeOf(GuardedEmitter.prototype, prototypeEnd(EventEmitter.prototype));
Object.setPrototypeOf(GuardedObject.prototype, prototypeEnd(Object.prototype));

/** What a listener may cancel: Electron's `event` argument, without members that depend on the sender. */
export class CancelableEvent {
  defaultPrevented = false;

  preventDefault(): void {
    this.defaultPrevented = true;
  }
}
