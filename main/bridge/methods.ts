import type { ArgumentRole, Signature } from '../../protocol/contract/signature.ts';
import { type Kind, SIGNATURES } from '../../protocol/contract.ts';
import { VALUE_STREAM_SIGNATURES, type ValueStreamContract } from '../../protocol/value-stream.ts';
import { MAX_ITEMS_PER_CALL } from './authorize-batch.ts';
import { METHOD_HANDLERS, type MethodHandler } from './handlers.ts';
import { isLong } from './slices.ts';

/** How the arguments of a method are looked at. Worked out once: most calls need nothing of it. */
export interface Admission {
  readonly name: string;
  readonly signature: Signature;
  readonly maxArguments: number;
  /** Places of arguments that stand for many, and are counted. */
  readonly many: readonly number[];
  /** Places of arguments that are numbers or options. */
  readonly plain: readonly number[];
}

/** A method of a store, as the bridge knows it. */
export interface StoreMethod extends Admission {
  readonly verb: MethodHandler;
  readonly isLong: boolean;
}

/** A step of a value that travels as a stream. */
export type StreamStep = Admission & { readonly name: keyof ValueStreamContract };

/** Roles that stand for many. */
export const MANY: readonly ArgumentRole[] = ['keys', 'entries', 'values', 'jobs'];

const toStoreMethod = (kind: Kind, name: string, signature: Signature): StoreMethod => ({
  ...toAdmission(name, signature),
  verb: METHOD_HANDLERS[kind][name]!,
  isLong: isLong(kind, name),
});

function toAdmission<N extends string>(name: N, signature: Signature): Admission & { readonly name: N } {
  const { takes } = signature;
  return {
    name,
    signature,
    maxArguments: takes.at(-1) === '...value' ? MAX_ITEMS_PER_CALL : takes.length,
    // What is compared is walked over only as far as it is equal.
    many: name === 'equals' ? [] : placesOf(takes, (role) => MANY.includes(role)),
    plain: name === 'page' ? [] : placesOf(takes, (role) => role === 'plain'),
  };
}

const placesOf = (takes: readonly ArgumentRole[], isOne: (role: ArgumentRole) => boolean): readonly number[] =>
  takes.flatMap((role, nth) => (isOne(role) ? [nth] : []));

/** Methods by name, of each kind of store. A map has nothing that it was not given, whatever a message names. */
const METHODS: ReadonlyMap<Kind, ReadonlyMap<unknown, StoreMethod>> = new Map(
  (Object.keys(SIGNATURES) as Kind[]).map((kind) => [
    kind,
    new Map(Object.entries(SIGNATURES[kind]).map(([name, signature]) => [name, toStoreMethod(kind, name, signature)])),
  ]),
);

/** The method of a kind; undefined for whatever else a message may name. */
export const methodOf = (kind: Kind, name: unknown): StoreMethod | undefined => METHODS.get(kind)?.get(name);

const STREAM_STEPS: ReadonlyMap<unknown, StreamStep> = new Map(
  Object.entries(VALUE_STREAM_SIGNATURES).map(([name, signature]) => [
    name,
    toAdmission(name as keyof ValueStreamContract, signature),
  ]),
);

export const streamStepOf = (name: unknown): StreamStep | undefined => STREAM_STEPS.get(name);
