import {
  type BridgedValue,
  CALL_EVENT,
  EXPOSE_EVENT,
  type ExposedValue,
  type FunctionCall,
  type FunctionResult,
  RESULT_EVENT,
} from '../page-messages.ts';

/*
 * `contextBridge` in the agent's world (shell/renderer/api/electron_api_context_bridge.cc). Arrays and objects are copied part by part,
 * functions become functions of the page's world, errors keep their message, everything else is a structured clone. What Electron also lets
 * through is refused: promises, symbols, elements, and functions among the arguments of a call.
 */

/** Electron refuses values that are nested deeper. */
const MAX_DEPTH = 1000;

type AnyFunction = (...args: readonly unknown[]) => unknown;

const functions = new Map<number, AnyFunction>();

/** Kinds of objects that are cloned as a whole. Arrays, errors, functions and promises are handled separately. */
const CLONED_WHOLE =
  /^(Date|Arguments|BigInt|Boolean|Number|String|RegExp|Map|Set|Map Iterator|Set Iterator|WeakMap|WeakSet|ArrayBuffer|DataView|SharedArrayBuffer|\w+Array|Module)$/;

const getTag = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

function toBridged(value: unknown, copied: Map<object, BridgedValue>, depth: number): BridgedValue {
  if (depth >= MAX_DEPTH)
    throw new TypeError(
      'Electron contextBridge recursion depth exceeded.  Nested objects deeper than 1000 are not supported.',
    );
  if (typeof value === 'symbol' || value instanceof Promise || value instanceof Node)
    throw new Error('stand-in: promises, symbols and elements over the contextBridge are not implemented');
  if (typeof value === 'function') {
    functions.set(functions.size + 1, value as AnyFunction);
    return { is: 'function', id: functions.size };
  }
  if (typeof value !== 'object' || value === null) return { is: 'cloned', value };
  const known = copied.get(value);
  if (known !== undefined) return known;
  if (value instanceof Error) return { is: 'error', message: value.message };
  if (Array.isArray(value)) {
    const array: BridgedValue = { is: 'array', items: Array.from(value, (item) => toBridged(item, copied, depth + 1)) };
    copied.set(value, array);
    return array;
  }
  if (CLONED_WHOLE.test(getTag(value))) return { is: 'cloned', value: structuredClone(value) };
  const object = { is: 'object', entries: [] as (readonly [string, BridgedValue])[] } satisfies BridgedValue;
  copied.set(value, object);
  for (const [name, member] of Object.entries(value)) object.entries.push([name, toBridged(member, copied, depth + 2)]);
  return object;
}

document.addEventListener(CALL_EVENT, (event) => {
  const { id, args } = (event as CustomEvent<FunctionCall>).detail;
  let detail: FunctionResult;
  try {
    detail = { value: toBridged(functions.get(id)!(...args), new Map(), 0) };
  } catch (error) {
    detail = { error: `Uncaught ${String(error)}` };
  }
  document.dispatchEvent(new CustomEvent(RESULT_EVENT, { detail }));
});

export const contextBridge = {
  exposeInMainWorld(key: string, api: unknown): void {
    const detail: ExposedValue = { key, value: toBridged(api, new Map(), 0) };
    // Cancelled by the page's world if there is such a property.
    if (!document.dispatchEvent(new CustomEvent(EXPOSE_EVENT, { detail, cancelable: true })))
      throw new Error('Cannot bind an API on top of an existing property on the window object');
  },
};
