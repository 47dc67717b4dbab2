import { describeBindings } from './bindings/describe-bindings.ts';

describeBindings('svelte');
