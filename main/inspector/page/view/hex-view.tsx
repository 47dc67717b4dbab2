import { useState } from 'preact/hooks';
import type { TaggedJson } from '../../contract.ts';
import { formatCount } from '../format.ts';
import { useCall } from '../use-call.ts';
import { ErrorNote } from './error-note.tsx';

const PART_BYTES = 4096;
const LINE_BYTES = 16;

interface HexViewProps {
  readonly store: string;
  readonly itemKey: TaggedJson;
  readonly byteLength: number;
}

/** The bytes of a value in parts: offset, hexadecimal, and the characters of ASCII. */
export function HexView({ store, itemKey, byteLength }: HexViewProps) {
  const [from, setFrom] = useState(0);
  const { result, error } = useCall('bytes', { store, key: itemKey, from, count: PART_BYTES });
  const bytes = Uint8Array.from(atob(result?.base64 ?? ''), (character) => character.charCodeAt(0));
  const end = Math.min(from + PART_BYTES, byteLength);
  return (
    <>
      <div class="toolbar">
        <button type="button" disabled={from === 0} onClick={() => setFrom(from - PART_BYTES)}>
          Before
        </button>
        <button type="button" disabled={end >= byteLength} onClick={() => setFrom(from + PART_BYTES)}>
          After
        </button>
        <span role="status">
          Bytes {formatCount(from)} to {formatCount(end)} of {formatCount(byteLength)}
        </span>
      </div>
      <ErrorNote error={error} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre class="hex" tabIndex={0}>
        {formatHex(bytes, from)}
      </pre>
    </>
  );
}

function formatHex(bytes: Uint8Array, offset: number): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    const line = bytes.subarray(at, at + LINE_BYTES);
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = Array.from(line, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${(offset + at).toString(16).padStart(8, '0')}  ${hex.padEnd(LINE_BYTES * 3 - 1)}  ${text}`);
  }
  return lines.join('\n');
}
