"""YAML that no one would write by mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.hostile.case import CONTROL, MARKUP, TURNED, Case, Room
from tests.hostile.sound import config

Text = str | bytes | Callable[[Room], str]

LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)

_TEXTS: Mapping[str, tuple[Text, str]] = {
    "a tag that runs a command": (
        lambda room: f"name: !!python/object/apply:os.system ['touch {room.bait}']\n",
        "tags",
    ),
    "a tag that imports": (
        lambda room: f"name: !!python/module:os\nseed: !!python/name:os.system\n# {room.bait}",
        "tags",
    ),
    "a tag that makes an object": (
        lambda room: f"!!python/object/new:subprocess.Popen\nargs: [['touch', '{room.bait}']]\n",
        "tags",
    ),
    "a tag with a prefix of its own": (
        lambda room: f"%TAG ! tag:yaml.org,2002:python/\n---\nname: !object/apply:os.system ['touch {room.bait}']\n",
        "tags",
    ),
    "a billion laughs": (LAUGHS, "aliases that repeat too much"),
    "an alias to itself": ("a: &a [*a]\n", "alias"),
    "10,000 brackets": ("[" * 10_000, "nested more than"),
    "10,000 braces": ("{a: " * 10_000, "nested more than"),
    "10,000 dashes": ("- " * 10_000 + "x", "nested more than"),
    "20,000 keys": ("".join(f"k{n}: 1\n" for n in range(20_000)), "more than 10000 values"),
    "2 MB of spaces": (" " * 2_000_000, "larger than"),
    "a line of 900 kB": ("name: " + "x" * 900_000, "names the run folder"),
    "a key of 900 kB": ("x" * 900_000 + ": 1", ""),
    "900 kB of colons": (": " * 450_000, ""),
    "900 kB of question marks": ("? " * 450_000, "nested more than"),
    "900 kB of quotes": ("name: '" + "''" * 450_000, "quote that is never closed"),
    "900 kB of anchors": ("".join(f"- &a{n} x\n" for n in range(60_000)), "more than 10000 values"),
    "null bytes": (b"name: a\0b\n", "control character"),
    "bytes that are no text": (bytes(range(128, 256)) * 10, "not UTF-8"),
    "UTF-16": ("name: x\n".encode("utf-16"), "UTF-16"),
    "control characters": (f"name: x\n{CONTROL}: 1\n", "control character"),
    "escaped control characters in a key": ('"\\e[2J\\e]0;owned\\a": 1\n', "unknown key"),
    "escaped control characters in a value": ('name: "\\e[2J\\u202Egnp.exe"\n', "names the run folder"),
    "text that runs backwards": (f"name: {TURNED}\n", "names the run folder"),
    "half a surrogate": ('name: "\\ud800"\n', "surrogate"),
    "markup": (f'"{MARKUP}": "{MARKUP}"\n', "unknown key"),
    "a merge key": ("a: &a {seed: 1}\n<<: *a\n", "merge keys"),
    "a key twice": ("name: a\nname: b\n", "duplicate key"),
    "keys that are lists": ("? [a, b]\n: 1\n", "a key must be text"),
    "a number of 100,000 digits": ("seed: " + "9" * 100_000, "more than 100 characters"),
    "a %YAML line without end": ("%YAML 1." + "9" * 10_000 + "\n---\nname: a\n", "%YAML"),
    "two documents": ("name: a\n---\nname: b\n", "a second document"),
    "a pickle": (lambda room: f"cos\nsystem\n(S'touch {room.bait}'\ntR.", ""),
}

_CHANGES: Mapping[str, tuple[str, str, tuple[int, ...], str | None]] = {
    "a name up the tree": ("name=../../../home/canary", "names the run folder", (2,), None),
    "widths of 2^40": (
        "model={name: mlp, hidden: [1099511627776, 1099511627776]}",
        "no network can be that large",
        (2, 6),
        "model: ",
    ),
    "widths of a million": ("model={name: mlp, hidden: [1000000, 1000000]}", "are free", (6,), "model: "),
    "widths of 10,000": ("model={name: mlp, hidden: [10000, 10000]}", "are free", (6,), "model: "),
    "101 layers": (f"model={{name: mlp, hidden: [{', '.join(['8'] * 101)}]}}", "hidden", (2,), None),
    "a resolution of 2^30": ("data.resolution=1073741824", "resolution", (2,), None),
    "a seed of 10^40": (f"seed={10**40}", "seed", (2,), None),
    "a batch of 10^12": (
        "training.batch_size=1000000000000",
        "largest batch that would do",
        (3,),
        "training.batch_size",
    ),
    "learning rate .inf": ("optimizer.generator.learning_rate=.inf", "learning_rate", (2,), None),
    "data up the tree": ("data={source: folder, path: ../../../../../../etc}", "no pictures", (3,), "etc"),
    "data from /proc": ("data={source: folder, path: /proc/self/task}", "no pictures", (3,), "/proc/self/task"),
    "data from a device": ("data={source: idx, path: /dev/zero}", "data.path must be a folder", (3,), "/dev/zero"),
    "exclusions from a device": ("data.exclude=/dev/zero", "no regular file", (2,), "/dev/zero"),
}


def _written(text: Text) -> Callable[[Room], Path]:
    def make(room: Room) -> Path:
        path = room.given / "odd.yaml"
        content = text(room) if callable(text) else text
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        return path

    return make


def _whole(change: str) -> Callable[[Room], Path]:
    """A sound config with one key changed; what is wrong with it is found out when it is read."""

    def make(room: Room) -> Path:
        key, _, value = change.partition("=")
        lines = config().to_yaml()
        path = room.given / "odd.yaml"
        path.write_text(_replaced(lines, key, value), encoding="utf-8")
        return path

    return make


def _replaced(text: str, key: str, value: str) -> str:
    """``text`` with ``section.key`` on one more line, and the key that was there gone."""
    import yaml  # only here, and only to write

    parts = key.split(".")
    data = yaml.safe_load(text)
    section = data
    for part in parts[:-1]:
        section = section[part]
    section[parts[-1]] = "REPLACED"
    return str(yaml.safe_dump(data, sort_keys=False)).replace("REPLACED", value)


def cases() -> Iterator[Case]:
    """All of them."""
    for number, (name, (text, says)) in enumerate(_TEXTS.items()):
        yield Case(name, _written(text), ("config check", "config show", "train")[number % 3], says, (2,))
    for name, (change, says, codes, names) in _CHANGES.items():
        yield Case(name, _whole(change), "train", says, codes, names)
