import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { onTestFinished } from 'vitest';

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const void *address, uint32 length)');
const receive = libc.func('int64 recv(int fd, _Out_ uint8 *bytes, size_t length, int flags)');
const sendTo = libc.func(
  'int64 sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32 address_length)',
);
const close = libc.func('int close(int fd)');

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

/** A Unix datagram socket as systemd's own, for `NOTIFY_SOCKET`. Gone after the test. */
export function notifySocket(name = join(tmpdir(), `msb-metrics-notify-${process.pid}-${Math.random()}`)) {
  const fd = Number(socket(AF_UNIX, SOCK_DGRAM, 0));
  const path = name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`;
  const address = Buffer.concat([Buffer.from(Uint16Array.of(AF_UNIX).buffer), Buffer.from(path)]);
  if (Number(bind(fd, address, address.length)) !== 0) {
    throw new Error(`bind ${name}: errno ${koffi.errno()}`);
  }
  onTestFinished(() => {
    close(fd);
    rmSync(name, { force: true });
  });
  const messages: string[] = [];
  return {
    path: name,
    /** Fills the queue, so that nothing more can be sent until it is read. */
    fill: (): void => {
      const sender = Number(socket(AF_UNIX, SOCK_DGRAM, 0));
      const bytes = Buffer.from('X-FILL=1');
      while (Number(sendTo(sender, bytes, bytes.length, MSG_DONTWAIT, address, address.length)) > 0);
      close(sender);
    },
    /** All that has come so far. */
    messages: (): readonly string[] => {
      const bytes = Buffer.alloc(4096);
      for (let length = 1; length > 0; ) {
        length = Number(receive(fd, bytes, bytes.length, MSG_DONTWAIT));
        if (length > 0) {
          messages.push(bytes.toString('utf8', 0, length));
        }
      }
      return messages;
    },
  };
}
