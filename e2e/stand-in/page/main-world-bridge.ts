import {
  type BridgedValue,
  CALL_EVENT,
  EXPOSE_EVENT,
  type ExposedValue,
  type FunctionCall,
  type FunctionResult,
  RESULT_EVENT,
} from '../page-messages.ts';

/** The page's side of `contextBridge` (context-bridge.ts). Defines what a preload script exposes as Electron does: frozen and not configurable. */
export function bridgeContexts(): void {
  document.addEventListener(EXPOSE_EVENT, (event) => {
    const { key, value } = (event as CustomEvent<ExposedValue>).detail;
    if (key in globalThis) event.preventDefault();
    else Object.defineProperty(globalThis, key, { value: freeze(fromBridged(value, new Map())), enumerable: true });
  });
}

/** Keeps the identity of parts: `made` maps them to the values that were created for them. */
function fromBridged(bridged: BridgedValue, made: Map<BridgedValue, unknown>): unknown {
  if (made.has(bridged)) return made.get(bridged);
  switch (bridged.is) {
    case 'cloned':
      return bridged.value;
    case 'error':
      return new Error(bridged.message);
    case 'function':
      return (...args: readonly unknown[]) => callInOtherWorld({ id: bridged.id, args });
    case 'array': {
      const array = bridged.items.map((item) => fromBridged(item, made));
      made.set(bridged, array);
      return array;
    }
    case 'object': {
      const object: Record<string, unknown> = {};
      made.set(bridged, object);
      for (const [name, member] of bridged.entries) object[name] = fromBridged(member, made);
      return object;
    }
  }
}

function callInOtherWorld({ id, args }: FunctionCall): unknown {
  // Electron makes functions of the other world of functions; cloning refuses them.
  const detail: FunctionCall = { id, args: structuredClone(args) };
  let result: FunctionResult | undefined;
  const receive = (event: Event) => {
    result = (event as CustomEvent<FunctionResult>).detail;
  };
  document.addEventListener(RESULT_EVENT, receive, { once: true });
  document.dispatchEvent(new CustomEvent(CALL_EVENT, { detail }));
  document.removeEventListener(RESULT_EVENT, receive);
  const { value, error } = result as { readonly value?: BridgedValue; readonly error?: string };
  if (value === undefined) throw new Error(error);
  return fromBridged(value, new Map());
}

/** Objects at every level, except typed arrays, which can't be frozen; a map's entries are not its properties. */
function freeze(value: unknown): unknown {
  if (!(value instanceof Object) || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const name of Object.getOwnPropertyNames(value)) freeze(value[name as never]);
  return value;
}
