"""The server that both clients talk to: it records what arrives, byte by byte, and answers by script.

    server.py SCENARIOS

Prints one line of JSON, the ports that it listens on, and serves until its standard input ends:

- `main` and `other`: two origins. Both listen on 127.0.0.1, and on ::1 where there is one.
- `control`: one command per line, one line of JSON in answer. `begin ID` makes the scenario of that id the
  one that is answered from; `end` waits until the client has let go of its connections (it must have been
  closed) and gives what was recorded since.
- `closed`: a port on which nobody listens.

Nothing but the standard library; nothing here parses HTTP beyond where a message ends.
"""

import gzip
import json
import socket
import sys
import threading
import time
import zlib

import scenarios

REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 206: "Partial Content", 300: "Multiple Choices",
    301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
    305: "Use Proxy", 306: "Switch Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 418: "I'm a teapot", 429: "Too Many Requests",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
}
DEFAULT = {"headers": [["Content-Type", "text/plain; charset=utf-8"]], "body": "ok"}


class Scene:
    """One scenario while it is on: its answers, and what has come."""

    def __init__(self, scenario):
        self.answers = scenario.get("answers", {})
        self.lock = threading.Lock()
        self.given = {}
        self.requests = []
        self.connections = 0
        self.sockets = {}

    def opened(self, sock):
        with self.lock:
            self.connections += 1
            self.sockets[self.connections] = sock
            return self.connections

    def closed(self, connection):
        with self.lock:
            self.sockets.pop(connection).close()

    def record(self, request):
        with self.lock:
            self.requests.append(request)

    def answer(self, method, target):
        """The next answer of the most exact key; the last one of a list stays."""
        path = target.split("?")[0]
        with self.lock:
            for key in (f"{method} {target}", target, f"{method} {path}", path, "*"):
                if key in self.answers:
                    listed = self.answers[key]
                    if not isinstance(listed, list):
                        return listed
                    at = self.given.get(key, 0)
                    self.given[key] = at + 1
                    return listed[min(at, len(listed) - 1)]
        return DEFAULT

    def finish(self):
        """Waits for the client to close what it opened; gives the requests in the order of arrival."""
        until = time.monotonic() + 5
        while self.sockets and time.monotonic() < until:
            time.sleep(0.001)
        with self.lock:
            for sock in self.sockets.values():
                sock.shutdown(socket.SHUT_RDWR)
                self.requests.append({"left open": True})
            return {"connections": self.connections, "requests": self.requests}


class Server:
    def __init__(self, folder):
        self.files = folder
        self.scene = None
        self.markers = {}
        self.listening = []
        self.main = self.listen("main", self.serve)
        self.other = self.listen("other", self.serve)
        self.control = self.listen("control", self.obey)
        # Bound and never listened on: connecting is refused, and nobody else gets it.
        self.refuser = socket.socket()
        self.refuser.bind(("127.0.0.1", 0))
        self.ports = {
            "main": self.main, "other": self.other, "control": self.control,
            "closed": self.refuser.getsockname()[1],
        }
        self.scenarios = {it["id"]: it for it in scenarios.load(folder, self.ports)}

    def listen(self, name, handler):
        sock = socket.create_server(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        self.accept(sock, name, handler)
        try:
            self.accept(socket.create_server(("::1", port), family=socket.AF_INET6), name, handler)
        except OSError:
            pass
        return port

    def accept(self, sock, name, handler):
        self.listening.append(sock)

        def loop():
            while True:
                peer, address = sock.accept()
                if address[1] in self.markers:
                    peer.close()
                    self.markers.pop(address[1]).set()
                    continue
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                handler(name, peer)

        threading.Thread(target=loop, daemon=True).start()

    def accepted(self):
        """Waits until every connection that a client has made is accepted: a marker stands in line behind it."""
        for listener in self.listening:
            host = listener.getsockname()[0]
            with socket.socket(listener.family) as marker:
                marker.bind((host, 0))
                seen = threading.Event()
                self.markers[marker.getsockname()[1]] = seen
                marker.connect((host, listener.getsockname()[1]))
                seen.wait()

    def obey(self, _, peer):
        threading.Thread(target=self.commands, args=(peer,), daemon=True).start()

    def commands(self, peer):
        lines = peer.makefile("rw", encoding="utf-8", newline="\n")
        for line in lines:
            command, _, argument = line.strip().partition(" ")
            if command == "begin":
                self.scene = Scene(self.scenarios[argument])
                answer = {}
            else:
                self.accepted()
                answer = self.scene.finish()
                self.scene = None
            lines.write(json.dumps(answer) + "\n")
            lines.flush()

    def serve(self, name, peer):
        scene = self.scene
        if scene is None:
            peer.close()
            return
        number = scene.opened(peer)

        def loop():
            try:
                self.converse(scene, name, number, Reader(peer), peer)
            except OSError:
                pass
            finally:
                scene.closed(number)

        threading.Thread(target=loop, daemon=True).start()

    def converse(self, scene, name, number, reader, peer):
        while True:
            head, body, whole = reader.message()
            if not head:
                return
            record = {
                "origin": name, "connection": number,
                "head": head.decode("latin-1"), "body": body.decode("latin-1"),
            }
            if not whole:
                record["cut"] = True
            scene.record(record)
            if not whole:
                return
            method, target = head.decode("latin-1").split("\r\n")[0].split(" ")[:2]
            data, close = render(scene.answer(method, target), method)
            peer.sendall(data)
            if close:
                peer.shutdown(socket.SHUT_WR)
                # Lets the client close first, so that nothing it still sends resets what we said.
                while peer.recv(65536):
                    pass
                return


class Reader:
    """Requests off a socket: the bytes of the head and of the body, as they came."""

    def __init__(self, peer):
        self.peer = peer
        self.buffer = b""

    def message(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                return self.buffer, b"", False
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        head += b"\r\n\r\n"
        fields = {}
        for line in head.split(b"\r\n")[1:-2]:
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()
        if b"transfer-encoding" in fields:
            body, whole = self.chunked()
        else:
            length = fields.get(b"content-length", b"0")
            body, whole = self.exactly(int(length) if length.isdigit() else 0)
        return head, body, whole

    def exactly(self, length):
        while len(self.buffer) < length and self.fill():
            pass
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken, len(taken) == length

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self.fill():
                taken, self.buffer = self.buffer, b""
                return taken
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line + b"\r\n"

    def chunked(self):
        body = b""
        while True:
            line = self.line()
            body += line
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                return body, False
            if size == 0:
                while line not in (b"\r\n", b""):
                    line = self.line()
                    body += line
                return body, line == b"\r\n"
            chunk, whole = self.exactly(size + 2)
            body += chunk
            if not whole:
                return body, False

    def fill(self):
        data = self.peer.recv(65536)
        self.buffer += data
        return data


def render(answer, method):
    """The bytes of an answer, and whether the connection ends with it."""
    if "raw" in answer:
        return scenarios.octets(answer["raw"]), answer.get("close", False)
    status = answer.get("status", 200)
    reason = answer.get("reason", REASONS.get(status, "Whatever"))
    body = encoded(answer)
    headers = [tuple(pair) for pair in answer.get("headers", [])]
    names = {name.lower() for name, _ in headers}
    framing = answer.get("framing", "length")
    if framing == "length" and status not in (204, 304) and "content-length" not in names:
        headers.append(("Content-Length", str(len(body))))
    if framing == "chunked":
        headers.append(("Transfer-Encoding", "chunked"))
        pieces = [body[at : at + 7] for at in range(0, len(body), 7)] + [b""]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    close = framing == "close" or answer.get("close", False)
    head = f"HTTP/1.1 {status} {reason}\r\n"
    lines = head.encode("latin-1") + b"".join(
        scenarios.octets(name) + b": " + scenarios.octets(value) + b"\r\n" for name, value in headers
    )
    if method == "HEAD" or status in (204, 304):
        body = b""
    return lines + b"\r\n" + body, close


def encoded(answer):
    """The body, in the content codings that the answer names in `coded`, in their order."""
    body = scenarios.octets(answer.get("body", ""))
    for coding in answer.get("coded", []):
        if coding == "gzip":
            body = gzip.compress(body, mtime=0)
        elif coding == "deflate":
            body = zlib.compress(body)
        elif coding == "raw-deflate":
            machine = zlib.compressobj(wbits=-15)
            body = machine.compress(body) + machine.flush()
        else:
            raise ValueError(f"no coding {coding} here: give its bytes as hex")
    return body


def main():
    server = Server(sys.argv[1])
    print(json.dumps(server.ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
