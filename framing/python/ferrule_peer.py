"""The Python end of a conversation with ferrule: copy it beside your program. Needs Python 3.6 or later, and nothing else.

Nothing of this is necessary to talk to ferrule: a multiprocessing Connection is. This saves a few lines, and brings asyncio.
"""
import asyncio
import os
import socket
import struct
import sys
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

__all__ = ["inherited", "take_standard_streams", "queue_ends", "AsyncConnection"]


def inherited(which=0):
    """The Connection that our parent, ferrule's spawn, has handed down; the first or another one."""
    return Connection(int(os.environ["FERRULE_FD"].split(",")[which]))


def take_standard_streams():
    """Standard input and output as Connections: (to receive, to send). What is printed from now on goes to standard error,
    and standard input is empty, so that neither disturbs them."""
    ends = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    sys.stdout.flush()
    os.dup2(2, 1)
    os.close(nothing)
    return Connection(ends[0], writable=False), Connection(ends[1], readable=False)


def queue_ends(queue):
    """What a C++ child needs of a SimpleQueue or Queue of a spawn or forkserver context: the numbers of its descriptors, for
    pass_fds and as arguments, and the names of its locks ("" if there is none).
    {"reader": 5, "writer": 6, "lock": "/mp-abc", "slots": "/mp-def"}"""

    def name(lock):
        return "" if lock is None else lock._semlock.name or ""

    return {
        "reader": queue._reader.fileno(),
        "writer": queue._writer.fileno(),
        "lock": name(queue._wlock),
        "slots": name(getattr(queue, "_sem", None)),
    }


class AsyncConnection:
    """A Connection for asyncio: recv, send, recv_bytes and send_bytes are coroutines.

    One task may receive while another one sends. A cancelled recv has taken nothing: the next one returns the whole message.
    """

    _long = struct.Struct("!Q")
    _short = struct.Struct("!i")

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._size = None  # of the message whose header has been read

    @classmethod
    async def open(cls, connection):
        """Takes over a Connection over a socket, or the number of such a descriptor."""
        number = connection if isinstance(connection, int) else os.dup(connection.fileno())
        if not isinstance(connection, int):
            connection.close()
        return cls(*await asyncio.open_connection(sock=socket.socket(fileno=number)))

    @classmethod
    async def open_pipes(cls, receiving, sending):
        """Takes over two one-way Connections, such as take_standard_streams() returns."""
        loop = asyncio.get_event_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), cls._file(receiving, "rb"))
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, cls._file(sending, "wb"))
        return cls(reader, asyncio.StreamWriter(transport, protocol, None, loop))

    @staticmethod
    def _file(connection, mode):
        number = os.dup(connection.fileno())
        connection.close()
        return os.fdopen(number, mode, 0)

    async def recv_bytes(self):
        """The next message. Raises EOFError when the other end has closed between messages, or asyncio.IncompleteReadError,
        which is an EOFError, when it has within one."""
        if self._size is None:
            # What has been taken off is remembered, so that a cancelled call can be followed by another one.
            self._size = self._short.unpack(await self._reader.readexactly(4))[0]
        if self._size == -1:
            self._size = self._long.unpack(await self._reader.readexactly(8))[0]
        if self._size < 0:
            raise OSError("not a message")
        message = await self._reader.readexactly(self._size)
        self._size = None
        return message

    async def recv(self):
        """The next object."""
        return ForkingPickler.loads(await self.recv_bytes())

    async def send_bytes(self, message):
        """Sends a message; waits only until the other end keeps up. A cancelled call has sent it nevertheless."""
        size = len(message)
        header = self._short.pack(size) if size <= 0x7FFFFFFF else self._short.pack(-1) + self._long.pack(size)
        self._writer.writelines([header, bytes(message)])
        await self._writer.drain()

    async def send(self, obj):
        """Sends an object."""
        await self.send_bytes(ForkingPickler.dumps(obj))

    def close(self):
        self._writer.close()
