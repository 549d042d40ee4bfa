import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP link of tests to a port of this machine. It can stop carrying without closing, as a dead network does, or be cut at a byte. */
export type TcpLink = {
  readonly port: number;
  /** Everything the server sent over it so far, of all connections. */
  received(): Buffer;
  /** Connections the clients still hold. */
  held(): number;
  /** Carries nothing any more, in both directions, and closes nothing. */
  stall(): void;
  /** Bytes that clients have sent into it in vain since it stalled. */
  lostBytes(): number;
  close(): Promise<void>;
};

/** Opens a link to a port; it ends for good, with all its connections, after `cutAfterBytes` of what the server sends. */
export async function startTcpLink(
  target: number,
  { cutAfterBytes = Number.POSITIVE_INFINITY } = {},
): Promise<TcpLink> {
  const ends: Socket[] = [];
  const nears: Socket[] = [];
  const carried: Buffer[] = [];
  let leftBytes = cutAfterBytes;
  let lostBytes = 0;
  const carry = (near: Socket, far: Socket) => (chunk: Buffer) => {
    const part = chunk.subarray(0, leftBytes);
    leftBytes -= part.length;
    carried.push(part);
    if (leftBytes > 0) {
      if (!near.write(part)) {
        far.pause();
        near.once('drain', () => far.resume());
      }
      return;
    }
    // The end comes after what was written: the reader gets every byte before the cut.
    far.destroy();
    near.end(part);
  };
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    ends.push(near, far);
    nears.push(near);
    for (const end of [near, far]) end.on('error', () => undefined);
    near.pipe(far);
    far.on('data', carry(near, far));
    // Read on, or the end of the other side is never seen.
    far.on('close', () => near.end().unpipe().resume());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(carried),
    held: () => nears.filter((near) => !near.destroyed).length,
    stall: () => {
      for (const end of ends) end.unpipe().removeAllListeners('data').pause();
      for (const near of nears) {
        // An end that was sent into it is not answered either.
        near.allowHalfOpen = true;
        near.on('data', (chunk: Buffer) => (lostBytes += chunk.length)).resume();
      }
    },
    lostBytes: () => lostBytes,
    close: async () => {
      for (const end of ends) end.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
