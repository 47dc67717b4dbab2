import type { ValueNode } from '../../contract.ts';

const OPEN_DEPTH = 2;

interface ValueTreeProps {
  readonly node: ValueNode;
  readonly label?: string;
  readonly depth?: number;
}

/** A value as a tree that opens and closes. Everything is text: nothing of a value becomes markup. */
export function ValueTree({ node, label, depth = 0 }: ValueTreeProps) {
  const { type, text, children, isCut } = node;
  const head = (
    <>
      {label !== undefined && <span class="label">{label}: </span>}
      <span class={`type-${type}`}>{text}</span>
    </>
  );
  if (children === undefined || children.length === 0) return <div class="leaf">{head}</div>;
  return (
    <details class="branch" open={depth < OPEN_DEPTH}>
      <summary>{head}</summary>
      {children.map(([name, child], index) => (
        <ValueTree key={index} node={child} label={name} depth={depth + 1} />
      ))}
      {isCut && <div class="quiet">… more isn’t shown</div>}
    </details>
  );
}
