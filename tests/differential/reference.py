"""The httpx side: runs every scenario with httpx and writes what came of it.

    reference.py SCENARIOS PORTS OUT

PORTS is the line that the server printed; OUT is written in the form that `compare.py` reads.
"""

import json
import mimetypes
import pathlib
import socket
import sys
import warnings

import httpx
import scenarios


def main():
    folder, ports, out = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    # Per-request cookies are deprecated in httpx, and specified all the same.
    warnings.simplefilter("ignore")
    # Python's own table of types, without what this machine adds to it.
    mimetypes.init(files=[])
    outcomes = {}
    with socket.create_connection(("127.0.0.1", ports["control"])) as control:
        lines = control.makefile("rw", encoding="utf-8", newline="\n")

        def command(text):
            lines.write(text + "\n")
            lines.flush()
            return json.loads(lines.readline())

        for scenario in scenarios.load(folder, ports):
            command(f"begin {scenario['id']}")
            outcome = run(scenario, pathlib.Path(folder).parent / "files")
            outcome.update(command("end"))
            outcomes[scenario["id"]] = outcome
    document = {"client": f"httpx {httpx.__version__}", "outcomes": outcomes}
    pathlib.Path(out).write_text(json.dumps(document, indent=1), encoding="utf-8")


def run(scenario, files):
    opened = []
    try:
        # Nothing here speaks TLS, and reading certificates takes long.
        client = httpx.Client(trust_env=False, verify=False, **client_options(scenario.get("client", {})))
    except Exception as error:
        return {"calls": [failure(error)]}
    calls, last = [], None
    with client:
        for call in scenario["calls"]:
            try:
                last = send(client, call, last, files, opened)
                calls.append(shown(last))
            except Exception as error:
                calls.append(failure(error))
    for file in opened:
        file.close()
    return {"calls": calls, "jar": sorted([it.name, it.value or "", it.path] for it in client.cookies.jar)}


def client_options(options):
    given = dict(options)
    for name, make in (("headers", pairs), ("params", params), ("auth", auth)):
        if name in given:
            given[name] = make(given[name])
    return given


def send(client, call, last, files, opened):
    if call["do"] == "next":
        return client.send(last.next_request)
    method, url = call["do"].split(" ", 1)
    given = {}
    if "params" in call:
        given["params"] = params(call["params"])
    if "headers" in call:
        given["headers"] = pairs(call["headers"])
    for name in ("cookies", "json"):
        if name in call:
            given[name] = call[name]
    if "form" in call:
        given["data"] = call["form"]
    if "content" in call:
        given["content"] = content(call["content"])
    if "files" in call:
        given["files"] = [(name, part(it, files, opened)) for name, it in call["files"]]
    sending = {name: call[name] for name in ("follow_redirects",) if name in call}
    if "auth" in call:
        sending["auth"] = auth(call["auth"])
    if call.get("as_is"):
        return client.send(httpx.Request(method, url, **given), **sending)
    return client.request(method, url, **given, **sending)


def params(value):
    if isinstance(value, list):
        return [tuple(pair) for pair in value]
    return value


def pairs(value):
    """Bytes, since httpx sends text only if it is ASCII."""
    return [(scenarios.octets(name), scenarios.octets(it)) for name, it in value]


def auth(value):
    if value is None or isinstance(value, list):
        return value and tuple(value)
    if "digest" in value:
        return httpx.DigestAuth(*value["digest"])
    if "bearer" in value:
        return bearer(value["bearer"])
    raise ValueError(f"no such auth: {value}")


def bearer(token):
    """httpx has no class for it; this is what its documentation shows."""

    def set_header(request):
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return set_header


def content(value):
    if isinstance(value, dict) and "chunks" in value:
        chunks = [scenarios.octets(chunk) for chunk in value["chunks"]]
        # A list may be read again, a generator may not.
        return (chunk for chunk in chunks) if value.get("once") else Chunks(chunks)
    return value if isinstance(value, str) else scenarios.octets(value)


class Chunks:
    """Iterable as often as one likes, of unknown length."""

    def __init__(self, chunks):
        self.chunks = chunks

    def __iter__(self):
        return iter(self.chunks)


def part(value, files, opened):
    if isinstance(value, dict) and "path" in value:
        file = open(files / value["path"], "rb")
        opened.append(file)
        if "filename" not in value:
            return file
        data = file
    elif isinstance(value, dict) and "data" in value:
        data = scenarios.octets(value["data"])
    else:
        return scenarios.octets(value)
    made = (value.get("filename"), data)
    if "type" in value or "headers" in value:
        made += (value.get("type"),)
    if "headers" in value:
        made += (dict(value["headers"]),)
    return made


def shown(response):
    history = [[it.status_code, str(it.url)] for it in response.history]
    following = response.next_request
    return {
        "status": response.status_code,
        "reason": response.reason_phrase,
        "version": response.http_version,
        "url": str(response.url),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.headers.raw],
        "body": response.content.decode("latin-1"),
        "encoding": response.encoding,
        "text": attempt(lambda: response.text),
        "json": attempt(lambda: response.json()),
        "history": history,
        "next": following and [following.method, str(following.url)],
        "links": response.links,
        "cookies": sorted([it.name, it.value or ""] for it in response.cookies.jar),
        "has_redirect_location": response.has_redirect_location,
        "ok": attempt(lambda: response.raise_for_status() and True),
    }


def attempt(read):
    try:
        return {"is": read()}
    except Exception as error:
        return failure(error)


def failure(error):
    return {"error": type(error).__name__, "words": str(error)}


if __name__ == "__main__":
    main()
