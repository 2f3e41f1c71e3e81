"""Compares what came of each scenario with httpx and with nuncio.

    compare.py SCENARIOS PORTS ALLOWED HTTPX NUNCIO…

Every difference is either in ALLOWED, with a reason, or fails the run. So do a scenario that nuncio's side
could not run, a part of a response that it does not give, and an entry of ALLOWED that nothing matches.
"""

import codecs
import collections
import dataclasses
import fnmatch
import hashlib
import json
import pathlib
import re
import sys

import scenarios

# What each of nuncio's kinds is called in httpx: its exceptions, and Python's own where httpx lets those through.
KINDS = {
    "ConnectTimeout": {"ConnectTimeout"},
    "ReadTimeout": {"ReadTimeout"},
    "WriteTimeout": {"WriteTimeout"},
    "PoolTimeout": {"PoolTimeout"},
    "Connect": {"ConnectError"},
    "Read": {"ReadError"},
    "Write": {"WriteError"},
    "LocalProtocol": {"LocalProtocolError", "UnicodeEncodeError"},
    "RemoteProtocol": {"RemoteProtocolError", "ProtocolError"},
    "Proxy": {"ProxyError"},
    "UnsupportedProtocol": {"UnsupportedProtocol"},
    "TooManyRedirects": {"TooManyRedirects"},
    "Status": {"HTTPStatusError"},
    "InvalidUrl": {"InvalidURL"},
    "Decoding": {"DecodingError", "JSONDecodeError", "UnicodeDecodeError"},
    "CookieConflict": {"CookieConflict"},
    "StreamConsumed": {"StreamConsumed"},
    "Closed": {"RuntimeError"},
    "Builder": {"TypeError", "ValueError", "UnicodeEncodeError"},
    "Usage": {"RuntimeError", "TypeError"},
}
# In a Content-Type, or where a body begins: as many hex digits on both sides, or lengths differ.
RANDOM_BOUNDARY = re.compile(r"boundary=([0-9a-f]{32})\r$|\A--([0-9a-f]{32})\r$", re.MULTILINE)
# As long as what it stands for, so that lengths and chunks stay true.
A_BOUNDARY = "thirty-two-random-hex-characters"


def main():
    folder, ports, allowed_path, *outcomes = sys.argv[1:]
    ports = json.loads(ports)
    listed = {it["id"]: it for it in scenarios.load(folder)}
    allowed = Allowed(json.loads(pathlib.Path(allowed_path).read_text(encoding="utf-8")))
    reference, *ours = (read(path, ports) for path in outcomes)
    good = True
    for candidate in ours:
        good &= report(candidate, reference, listed, allowed)
    for entry in allowed.unused():
        print(f"allowed, and met nowhere: {entry}")
        good = False
    sys.exit(0 if good else 1)


def read(path, ports):
    """An outcome file, its ports replaced by their names, so that runs can be told alike."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    for name in ("main", "other", "closed"):
        text = re.sub(rf"(127\.0\.0\.1|localhost):{ports[name]}\b", rf"\1:<{name}>", text)
    return json.loads(text)


def report(candidate, reference, listed, allowed):
    name = candidate["client"]
    requests = calls = equal = 0
    by_reason, unexpected, not_run = collections.Counter(), [], []
    missing = collections.Counter()
    for scenario in listed.values():
        theirs = reference["outcomes"][scenario["id"]]
        ours = candidate["outcomes"].get(scenario["id"], {"not_run": "not in the outcomes"})
        if "not_run" in ours:
            not_run.append((scenario["id"], ours["not_run"]))
            continue
        requests += min(len(theirs["requests"]), len(ours["requests"]))
        calls += min(len(theirs["calls"]), len(ours["calls"]))
        found = list(differences(scenario, theirs, ours, missing))
        reasons = set()
        for where, one, other in found:
            entry = allowed.entry(scenario["id"], where, other)
            if entry is None:
                unexpected.append((scenario, where, one, other))
                reasons.add(None)
            elif not entry.everywhere:
                reasons.add(entry.reason)
        equal += not reasons
        if None not in reasons:
            by_reason.update(reasons)

    for scenario, where, one, other in unexpected:
        print(f"{scenario['id']} {where} (section {scenario['spec']})\n    httpx  {shorten(one)}\n    nuncio {shorten(other)}")
    for why, count in collections.Counter(why for _, why in not_run).most_common():
        first = next(id for id, it in not_run if it == why)
        print(f"not run: {count} scenarios ({first}…): {why}")
    for field, count in missing.items():
        print(f"not compared: {field} of {count} responses, which nuncio's side does not give")
    differing = len({scenario["id"] for scenario, *_ in unexpected})
    print(
        f"{name} beside {reference['client']}: {len(listed)} scenarios, {len(not_run)} not run; "
        f"{requests} requests and {calls} calls compared; {equal} scenarios alike, "
        f"{len(listed) - len(not_run) - equal - differing} but for what is allowed, {differing} differ "
        f"({len(unexpected)} differences)"
    )
    for reason, count in by_reason.most_common():
        print(f"    {count:4} allowed: {reason}")
    return not (unexpected or not_run or missing)


def shorten(text, limit=300):
    text = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


class Allowed:
    """The list of differences that are meant, and which of its entries have been met.

    A group that is `everywhere` is about every request: scenarios that differ in nothing else count as alike.
    """

    def __init__(self, groups):
        self.entries = [
            Entry(scenario, where, value, f"{group['reason']} ({group['settled']})", group.get("everywhere", False))
            for group in groups
            for listed in group["differences"]
            for scenario in listed["scenarios"]
            for where, value in listed["are"].items()
        ]

    def entry(self, id, where, ours):
        for entry in self.entries:
            if entry.is_about(id, where, ours):
                entry.met = True
                return entry
        return None

    def unused(self):
        return [f"{it.scenario} {it.where} {it.value}" for it in self.entries if not it.met]


@dataclasses.dataclass
class Entry:
    scenario: str
    where: str
    value: str
    reason: str
    everywhere: bool
    met: bool = False

    def is_about(self, id, where, ours):
        """Scenario and place may have wildcards; nuncio's side is as given, or fits what follows a `~`."""
        if not (fnmatch.fnmatchcase(id, self.scenario) and fnmatch.fnmatchcase(where, self.where)):
            return False
        if self.value.startswith("~"):
            return re.fullmatch(self.value[1:], ours, re.DOTALL) is not None
        return self.value == ours


def differences(scenario, theirs, ours, missing):
    """Each as (where, what httpx did, what nuncio did)."""
    one, other = theirs["requests"], ours["requests"]
    if scenario.get("cut"):
        # How far a request comes that is given up half-way is a matter of time.
        one = other = []
    if len(one) != len(other):
        yield "requests", told(one), told(other)
    if theirs["connections"] != ours["connections"]:
        yield "connections", str(theirs["connections"]), str(ours["connections"])
    for at, (a, b) in enumerate(zip(one, other)):
        for where, x, y in request_differences(Wire(a, scenario), Wire(b, scenario)):
            yield f"request.{at}.{where}", x, y
    one, other = theirs["calls"], ours["calls"]
    if len(one) != len(other):
        yield "calls", str(len(one)), str(len(other))
    for at, (a, b) in enumerate(zip(one, other)):
        for where, x, y in call_differences(a, b, missing):
            yield f"call.{at}{where}", x, y
    if "jar" not in ours:
        missing["jar"] += 1
    elif "jar" in theirs and sorted(theirs["jar"]) != sorted(ours["jar"]):
        yield "jar", shown(sorted(theirs["jar"])), shown(sorted(ours["jar"]))


def told(requests):
    """Which requests there were, when their number differs."""
    lines = [it["head"].split("\r\n")[0] if "head" in it else "a connection left open" for it in requests]
    return f"{len(lines)}: " + ", ".join(lines)


class Wire:
    """A request as it was sent, with what is random in it made comparable."""

    def __init__(self, record, scenario):
        head, self.body = record.get("head", ""), record.get("body", "")
        found = RANDOM_BOUNDARY.search(head) or RANDOM_BOUNDARY.search(self.body)
        if found:
            boundary = found[1] or found[2]
            head = head.replace(boundary, A_BOUNDARY)
            self.body = self.body.replace(boundary, A_BOUNDARY)
        self.line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        self.names = [line.split(":")[0].lower() for line in lines]
        self.fields = collections.defaultdict(list)
        for name, line in zip(self.names, lines):
            if name == "authorization":
                line = checked_digest(line, self.line.split(" ")[0], scenario)
            self.fields[name].append(line)
        self.origin = record.get("origin")
        self.connection = record.get("connection")
        self.cut = record.get("cut", False)

    def content(self):
        """The body without its framing."""
        if "transfer-encoding" not in self.fields:
            return self.body
        content, rest = "", self.body
        while rest:
            size, _, rest = rest.partition("\r\n")
            if not re.fullmatch("[0-9a-fA-F]+", size):
                return self.body
            length = int(size, 16)
            content, rest = content + rest[:length], rest[length + 2 :]
        return content


def request_differences(a, b):
    for name in ("origin", "connection", "line", "cut"):
        x, y = getattr(a, name), getattr(b, name)
        if x != y:
            yield name, shown(x), shown(y)
    for name in sorted(a.fields.keys() | b.fields.keys()):
        x, y = a.fields.get(name, []), b.fields.get(name, [])
        if x != y:
            yield f"field.{name}", "\n".join(x), "\n".join(y)
    # The order of what both have; what only one has is told above.
    common = collections.Counter(a.names) & collections.Counter(b.names)
    x, y = ([name for name in it.names if name in common] for it in (a, b))
    if x != y and collections.Counter(x) == collections.Counter(y):
        yield "order", shown(x), shown(y)
    if a.content() != b.content():
        yield "body", a.content(), b.content()
    elif a.body != b.body and ("transfer-encoding" in a.fields) == ("transfer-encoding" in b.fields):
        yield "chunks", a.body, b.body


def call_differences(a, b, missing):
    if "error" in a or "error" in b:
        if "error" in a and "error" in b and same_error(a, b):
            return
        yield "", outcome(a), outcome(b)
        return
    for name, x in a.items():
        if name not in b:
            missing[name] += 1
            continue
        y = b[name]
        if name == "cookies":
            x, y = sorted(x), sorted(y)
        if name == "encoding":
            x, y = codec(x), codec(y)
        if isinstance(x, dict) and "error" in x and isinstance(y, dict) and "error" in y:
            if same_error(x, y):
                continue
        if shown(x) != shown(y):
            yield f".{name}", shown(x), shown(y)


def codec(label):
    """One name for all the labels that a charset has."""
    try:
        return codecs.lookup(label).name
    except LookupError:
        return label


def same_error(theirs, ours):
    # A class of httpx's own stands for itself, so that httpx can be held against httpx.
    return theirs["error"] in KINDS.get(ours["error"], {ours["error"]})


def outcome(call):
    return f"error {call['error']}" if "error" in call else f"{call['status']} {call['url']}"


def shown(value):
    if isinstance(value, dict) and "error" in value:
        return f"error {value['error']}"
    if isinstance(value, dict) and value.keys() == {"is"}:
        value = value["is"]
        return f"text {value}" if isinstance(value, str) else f"value {json.dumps(value, sort_keys=True)}"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def checked_digest(line, method, scenario):
    """A Digest line with its random cnonce left out, and with a word on whether its response is right."""
    name, _, value = line.partition(": ")
    if not value.startswith("Digest "):
        return line
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)', value[len("Digest ") :])
    given = {key: re.sub(r"\\(.)", r"\1", it.strip('"')) for key, it in pairs}
    right = expected_response(given, method, *credentials(scenario))
    shown = []
    for key, it in pairs:
        if key == "cnonce":
            it = '"<random>"'
        elif key == "response":
            it = '"<right>"' if given["response"] == right else '"<WRONG>"'
        shown.append(f"{key}={it}")
    return f"{name}: Digest " + ", ".join(shown)


def credentials(scenario):
    """Of the one digest in the scenario."""
    for place in [scenario.get("client", {}), *scenario["calls"]]:
        if isinstance(place.get("auth"), dict) and "digest" in place["auth"]:
            return place["auth"]["digest"]
    return "", ""


def expected_response(given, method, user, password):
    """RFC 7616 section 3.4.1."""
    algorithm = given.get("algorithm", "MD5").upper()
    kind = {"MD5": "md5", "SHA": "sha1", "SHA-256": "sha256", "SHA-512": "sha512", "SHA-512-256": "sha512_256"}
    function = kind.get(algorithm.removesuffix("-SESS"))
    if function is None:
        return None

    def h(*parts):
        return hashlib.new(function, ":".join(parts).encode("utf-8")).hexdigest()

    nonce, cnonce = given.get("nonce", ""), given.get("cnonce", "")
    first = h(user, given.get("realm", ""), password)
    if algorithm.endswith("-SESS"):
        first = h(first, nonce, cnonce)
    second = h(method, given.get("uri", ""))
    if "qop" in given:
        return h(first, nonce, given.get("nc", ""), cnonce, given["qop"].strip('"'), second)
    return h(first, nonce, second)


if __name__ == "__main__":
    main()
