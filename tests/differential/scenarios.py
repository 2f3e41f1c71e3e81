"""The scenarios, as the server, the httpx side and the comparison read them. README.md has the format."""

import json
import pathlib


def load(folder, ports=None):
    """All scenarios in the order of their files, `{server}` and its like filled in from `ports`."""
    loaded = []
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for scenario in document["scenarios"]:
            scenario["topic"] = path.stem
            scenario.setdefault("spec", document["spec"])
            loaded.append(filled(scenario, places(ports)) if ports else scenario)
    ids = [scenario["id"] for scenario in loaded]
    for scenario in ids:
        if ids.count(scenario) > 1:
            raise ValueError(f"two scenarios have the id {scenario}")
    return loaded


def places(ports):
    return {
        "{server}": f"http://127.0.0.1:{ports['main']}",
        "{other}": f"http://127.0.0.1:{ports['other']}",
        "{named}": f"http://localhost:{ports['main']}",
        "{closed}": f"http://127.0.0.1:{ports['closed']}",
        "{port}": str(ports["main"]),
        "{other-port}": str(ports["other"]),
    }


def filled(value, replacements):
    if isinstance(value, str):
        for place, text in replacements.items():
            value = value.replace(place, text)
        return value
    if isinstance(value, list):
        return [filled(item, replacements) for item in value]
    if isinstance(value, dict):
        return {filled(key, replacements): filled(item, replacements) for key, item in value.items()}
    return value


def octets(value):
    """Text as UTF-8; `{"hex": …}`; `{"text": …, "charset": …}`; `{"repeat": text, "times": n}`."""
    if isinstance(value, str):
        return value.encode("utf-8")
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    if "repeat" in value:
        return value["repeat"].encode("utf-8") * value["times"]
    return value["text"].encode(value["charset"])
