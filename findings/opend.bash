# Read by the scripts about clients of OpenD: a gateway on loopback that answers each protocol with the protobuf it is given.
# shellcheck source=common.bash
source "$findings/common.bash"
export HOME=$PWD

cat >gateway.py <<'PYTHON'
import hashlib
import socket
import struct
import threading


def field(number, value):
    """A field of a message: a number, a double, or what has a length."""
    if isinstance(value, float):
        return bytes([number << 3 | 1]) + struct.pack("<d", value)
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def response(content=None, message=b""):
    """A success, with its s2c if there is one."""
    return field(1, 0) + field(2, message) + (field(4, content) if content is not None else b"")


SIX = b"".join(field(number, float(number)) for number in range(1, 7))
SUPER = field(9, 9.0) + field(10, 10.0)
TIME = field(7, b"2026-07-02 16:00:00")
HELLO = field(1, 1) + field(2, 1) + field(3, 1) + field(4, b"0123456789ABCDEF") + field(5, 10)


class Gateway:
    """`answers` are bodies by protocol. A push to be sent ahead of each answer, with its number: `push`."""

    def __init__(self, answers, push=b""):
        self.answers = {1001: response(HELLO), **answers}
        self.push = push
        self.requests = []
        self.lines = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            line, _ = self.listener.accept()
            self.lines.append(line)
            threading.Thread(target=self.serve, args=(line,), daemon=True).start()

    def serve(self, line):
        stream = line.makefile("rb")
        while header := stream.read(44):
            protocol, number, length = struct.unpack("<2xI2xII", header[:16])
            self.requests.append((protocol, stream.read(length)))
            if self.push and protocol != 1001:
                line.sendall(self.frame(1003, number, self.push))
            line.sendall(self.frame(protocol, number, self.answers[protocol]))

    @staticmethod
    def frame(protocol, number, body):
        return struct.pack("<2sIBBII", b"FT", protocol, 0, 0, number, len(body)) + hashlib.sha1(body).digest() + bytes(8) + body

    def lose_lines(self):
        for line in self.lines:
            line.shutdown(socket.SHUT_RDWR)
PYTHON
