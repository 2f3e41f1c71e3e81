"""What README.md promises of every origin, as an ASGI application; NUNCIO_INTEROP_FILES has the files."""

import asyncio
import email.utils
import gzip
import os

FILES = os.environ["NUNCIO_INTEROP_FILES"]
LIMIT = 1024
PIECE = 256 * 1024


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    path = scope["path"]
    if path == "/echo":
        await answer(scope, send, 200, await body_of(receive))
    elif path == "/limited":
        await limited(scope, receive, send)
    elif path == "/redirect":
        await answer(scope, send, 302, b"", [(b"location", b"/150.txt")])
    elif path == "/trailers" and "http.response.trailers" in scope.get("extensions", {}):
        await trailers(scope, send)
    else:
        await file(scope, receive, send, path)


async def lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def body_of(receive):
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def start(scope, send, status, fields, **more):
    fields = [(b"x-peer", b"%d" % scope["client"][1]), *fields]
    await send({"type": "http.response.start", "status": status, "headers": fields, **more})


async def answer(scope, send, status, body, fields=()):
    await start(scope, send, status, [*fields, (b"content-length", b"%d" % len(body))])
    await send({"type": "http.response.body", "body": body})


async def limited(scope, receive, send):
    """413 before the body is read, where it is known to be too long."""
    length = int(dict(scope["headers"]).get(b"content-length", b"0"))
    if length <= LIMIT:
        length, more = 0, True
        while more and length <= LIMIT:
            message = await receive()
            length += len(message.get("body", b""))
            more = message.get("more_body", False)
    if length > LIMIT:
        await answer(scope, send, 413, b"413 too large\n")
    else:
        await answer(scope, send, 200, f"{scope['method']} {length}\n".encode())


async def trailers(scope, send):
    await start(scope, send, 200, [(b"trailer", b"x-sum")], trailers=True)
    await send({"type": "http.response.body", "body": b"with trailers\n"})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"42")]})


async def file(scope, receive, send, path):
    chunked, zipped = path.startswith("/chunked/"), path.startswith("/zip/")
    name = os.path.normpath("/" + path.removeprefix("/chunked").removeprefix("/zip"))
    try:
        source = open(FILES + name, "rb")
    except OSError:
        await answer(scope, send, 404, b"404 not found\n")
        return
    with source:
        found = os.fstat(source.fileno())
        tag = b'"%x-%x"' % (found.st_size, found.st_mtime_ns)
        modified = email.utils.formatdate(found.st_mtime, usegmt=True).encode()
        fields = [(b"etag", tag), (b"last-modified", modified)]
        asked = dict(scope["headers"])
        if asked.get(b"if-none-match") == tag:
            await start(scope, send, 304, fields)
            await send({"type": "http.response.body", "body": b""})
            return
        coded = zipped and b"gzip" in asked.get(b"accept-encoding", b"")
        if coded:
            fields.append((b"content-encoding", b"gzip"))
        elif not chunked:
            fields.append((b"content-length", b"%d" % found.st_size))
        await start(scope, send, 200, fields)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        if coded:
            await send({"type": "http.response.body", "body": gzip.compress(source.read())})
            return
        gone = asyncio.create_task(disconnected(receive))
        while not gone.done() and (piece := source.read(PIECE)):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})


async def disconnected(receive):
    while (await receive())["type"] != "http.disconnect":
        pass
