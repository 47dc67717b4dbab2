import type { Duplex } from 'node:stream';

/** What crosses between the main process and a utility process. `target` is a port by its id, 0 for the process itself. */
export interface WireFrame {
  readonly kind: 'post' | 'close';
  readonly target: number;
  /** The ids under which ports came along. */
  readonly ports: readonly number[];
  readonly payload: Uint8Array;
}

const KINDS = ['post', 'close'] as const;
/** The length of the rest, the kind, the target, the number of ports. */
const LENGTH_BYTES = 4;
const FIXED_BYTES = 1 + 4 + 2;

export function writeFrame(stream: Duplex, { kind, target, ports, payload }: WireFrame): void {
  const head = Buffer.alloc(LENGTH_BYTES + FIXED_BYTES + 4 * ports.length);
  let at = head.writeUInt32LE(head.length - LENGTH_BYTES + payload.length);
  at = head.writeUInt8(KINDS.indexOf(kind), at);
  at = head.writeUInt32LE(target, at);
  at = head.writeUInt16LE(ports.length, at);
  for (const port of ports) at = head.writeUInt32LE(port, at);
  stream.cork();
  stream.write(head);
  if (payload.length > 0) stream.write(payload);
  stream.uncork();
}

/** Calls `listener` with each whole frame. A large one is put together once, however many pieces it comes in. */
export function readFrames(stream: Duplex, listener: (frame: WireFrame) => void): void {
  let pieces: Buffer[] = [];
  let held = 0;
  let wanted = LENGTH_BYTES;
  stream.on('data', (piece: Buffer) => {
    pieces.push(piece);
    held += piece.length;
    while (held >= wanted) {
      const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, held);
      const whole = LENGTH_BYTES + bytes.readUInt32LE();
      if (held >= whole) {
        pieces = held > whole ? [bytes.subarray(whole)] : [];
        held -= whole;
        listener(parseFrame(bytes.subarray(LENGTH_BYTES, whole)));
        wanted = LENGTH_BYTES;
      } else {
        pieces = [bytes];
        wanted = whole;
      }
    }
  });
}

function parseFrame(bytes: Buffer): WireFrame {
  const ports = Array.from({ length: bytes.readUInt16LE(5) }, (_, n) => bytes.readUInt32LE(FIXED_BYTES + 4 * n));
  const payload = bytes.subarray(FIXED_BYTES + 4 * ports.length);
  return { kind: KINDS[bytes.readUInt8()]!, target: bytes.readUInt32LE(1), ports, payload };
}
