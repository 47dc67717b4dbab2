import type { ArgumentRole, Signature } from '../../protocol/contract/signature.ts';
import { type Kind, SIGNATURES } from '../../protocol/contract.ts';
import { VALUE_STREAM_SIGNATURES, type ValueStreamContract } from '../../protocol/value-stream.ts';
import { MAX_ITEMS_PER_CALL } from './authorize-batch.ts';
import { METHOD_HANDLERS, type MethodHandler } from './handlers.ts';
import { isLong } from './slices.ts';

/** How to check the arguments of a method. Computed once, because most calls need no check. */
export interface Admission {
  readonly name: string;
  readonly signature: Signature;
  readonly maxArguments: number;
  /** Indices of arguments that stand for many items, which are counted. */
  readonly many: readonly number[];
  /** Indices of arguments that are numbers or options. */
  readonly plain: readonly number[];
}

/** A method of a store, with its handler. */
export interface StoreMethod extends Admission {
  readonly handler: MethodHandler;
  readonly isLong: boolean;
}

/** A step of a streamed value. */
export type StreamStep = Admission & { readonly name: keyof ValueStreamContract };

/** Roles of arguments that stand for many items. */
export const MANY: readonly ArgumentRole[] = ['keys', 'entries', 'values', 'jobs'];

const toStoreMethod = (kind: Kind, name: string, signature: Signature): StoreMethod => ({
  ...toAdmission(name, signature),
  handler: METHOD_HANDLERS[kind][name]!,
  isLong: isLong(kind, name),
});

function toAdmission<N extends string>(name: N, signature: Signature): Admission & { readonly name: N } {
  const { takes } = signature;
  return {
    name,
    signature,
    maxArguments: takes.at(-1) === '...value' ? MAX_ITEMS_PER_CALL : takes.length,
    // The comparison only walks the argument as far as it is equal.
    many: name === 'equals' ? [] : getIndices(takes, (role) => MANY.includes(role)),
    plain: name === 'page' ? [] : getIndices(takes, (role) => role === 'plain'),
  };
}

const getIndices = (takes: readonly ArgumentRole[], matches: (role: ArgumentRole) => boolean): readonly number[] =>
  takes.flatMap((role, nth) => (matches(role) ? [nth] : []));

/** Methods by name, for each kind of store. A Map has no inherited names, whatever a message asks for. */
const METHODS: ReadonlyMap<Kind, ReadonlyMap<unknown, StoreMethod>> = new Map(
  (Object.keys(SIGNATURES) as Kind[]).map((kind) => [
    kind,
    new Map(Object.entries(SIGNATURES[kind]).map(([name, signature]) => [name, toStoreMethod(kind, name, signature)])),
  ]),
);

/** Returns a method of a kind; undefined for any other name in a message. */
export const getMethod = (kind: Kind, name: unknown): StoreMethod | undefined => METHODS.get(kind)?.get(name);

const STREAM_STEPS: ReadonlyMap<unknown, StreamStep> = new Map(
  Object.entries(VALUE_STREAM_SIGNATURES).map(([name, signature]) => [
    name,
    toAdmission(name as keyof ValueStreamContract, signature),
  ]),
);

export const getStreamStep = (name: unknown): StreamStep | undefined => STREAM_STEPS.get(name);
