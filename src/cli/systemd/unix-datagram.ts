import { loadKoffi } from '../../shm/posix.js';

/** Linux, asm-generic. */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;

/** A way to one Unix datagram socket, which Node itself does not have. */
export interface UnixDatagram {
  /** Sends a text, or gives the number of the system's error. */
  send(text: string): number | undefined;
  close(): void;
}

/**
 * Opens a socket to send from. Linux only.
 *
 * @param path where the receiver is; one that begins with `@` is in the abstract namespace
 */
export function openUnixDatagram(path: string): UnixDatagram {
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const sendTo = libc.func(
    'int64 sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32 address_length)',
  );
  const close = libc.func('int close(int fd)');
  const fd = Number(socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0));
  const address = socketAddress(path);
  return {
    send: (text) => {
      const bytes = Buffer.from(text);
      const sent = Number(sendTo(fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL, address, address.length));
      return sent < 0 ? koffi.errno() : undefined;
    },
    close: () => {
      close(fd);
    },
  };
}

/** A `sockaddr_un`. Source: unix(7). An abstract name has its length, a path the 0 at its end. */
function socketAddress(path: string): Buffer {
  const family = Buffer.alloc(2);
  new DataView(family.buffer, family.byteOffset, 2).setUint16(0, AF_UNIX, isLittleEndian);
  const name = path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`;
  return Buffer.concat([family, Buffer.from(name)]);
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
