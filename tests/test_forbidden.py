"""What would run a stranger's code is not in the sources: beside ruff's rules, what ruff does not see."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import gantool

ROOT = Path(gantool.__file__).parents[1]
SOURCES = [path for room in ("gantool", "benchmarks") for path in sorted((ROOT / room).rglob("*.py"))]

_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "jsonpickle"}
_CALLS = {"eval", "exec", "compile", "__import__"}
_LOADS_YAML = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
_SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "commands.getoutput"}
_PROCESSES = {"run", "Popen", "call", "check_call", "check_output"}


def faults(source: str) -> Iterator[str]:
    """``line: what`` for all that is forbidden in ``source``."""
    for node in ast.walk(ast.parse(source)):
        for what in _of_node(node):
            yield f"{getattr(node, 'lineno', 0)}: {what}"


def _of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (f"imports {name.name}" for name in node.names if name.name.split(".")[0] in _MODULES)
    elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _MODULES:
        yield f"imports {node.module}"
    elif isinstance(node, ast.Constant) and node.value in _MODULES:
        yield f"names {node.value}, perhaps to import it"
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


def _of_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    if name in _CALLS or name in _SHELLS:
        yield f"calls {name}"
    if name in ("torch.load", "torch.jit.load", "torch.hub.load") and not _is(given.get("weights_only"), True):
        yield f"calls {name} without weights_only=True"
    if name.startswith("yaml.") and last in _LOADS_YAML:
        yield f"calls {name}"
    if last in _PROCESSES and "shell" in given and not _is(given["shell"], False):
        yield "starts a shell"
    if last in ("Environment", "Template") and not _is(given.get("autoescape"), True):
        yield f"makes a {last} without autoescape=True"
    if last == "load" and name.startswith(("np.", "numpy.")) and not _is(given.get("allow_pickle"), False):
        yield f"calls {name} without allow_pickle=False"
    if last in ("Markup", "markup_safe"):
        yield f"calls {name}, which is not escaped"
    if last in ("extractall", "extract") or (name.startswith("shutil.") and last == "unpack_archive"):
        yield f"calls {name}, which unpacks to disk"


def _is(value: ast.expr | None, wanted: bool) -> bool:
    return isinstance(value, ast.Constant) and value.value is wanted


def test_nothing_forbidden_is_in_the_sources() -> None:
    assert len(SOURCES) > 200
    found = [f"{path.relative_to(ROOT)}:{fault}" for path in SOURCES for fault in faults(path.read_text("utf-8"))]
    assert found == []


def test_no_template_turns_escaping_off() -> None:
    templates = sorted((ROOT / "gantool").rglob("*.j2"))
    assert templates
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert "autoescape" not in text, path
        assert "Markup" not in text, path


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import pickle", "imports pickle"),
        ("from dill import loads", "imports dill"),
        ("import marshal as m", "imports marshal"),
        ("importlib.import_module('shelve')", "perhaps to import it"),
        ("eval('1')", "calls eval"),
        ("exec(code)", "calls exec"),
        ("os.system('ls')", "calls os.system"),
        ("subprocess.run('ls', shell=True)", "starts a shell"),
        ("subprocess.Popen('ls', shell=chosen)", "starts a shell"),
        ("torch.load(path)", "without weights_only=True"),
        ("torch.load(path, weights_only=False)", "without weights_only=True"),
        ("torch.load(path, weights_only=chosen)", "without weights_only=True"),
        ("yaml.load(text, Loader=yaml.SafeLoader)", "calls yaml.load"),
        ("yaml.unsafe_load(text)", "calls yaml.unsafe_load"),
        ("np.load(path)", "without allow_pickle=False"),
        ("np.load(path, allow_pickle=True)", "without allow_pickle=False"),
        ("jinja2.Environment(loader=loader)", "without autoescape=True"),
        ("Environment(autoescape=False)", "without autoescape=True"),
        ("Template(text).render()", "without autoescape=True"),
        ("markupsafe.Markup(name)", "not escaped"),
        ("tar.extractall(folder)", "unpacks to disk"),
    ],
)
def test_what_is_planted_is_found(source: str, what: str) -> None:
    assert any(what in fault for fault in faults(source))


def test_what_is_allowed_is_allowed() -> None:
    allowed = """
        torch.load(path, weights_only=True)
        np.load(path, mmap_mode="r", allow_pickle=False)
        Environment(loader=loader, autoescape=True)
        subprocess.run(["ls"], check=True)
        yaml.parse(text, Loader=yaml.SafeLoader)
        json.load(file)
        model.eval()
    """
    assert list(faults(textwrap.dedent(allowed))) == []


@pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="needs a clone, not an installed package")
@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import pickle\n\npickle.loads(b'')\n", "TID251"),
        ("import marshal\n\nmarshal.loads(b'')\n", "TID251"),
        ("import yaml\n\nyaml.load('', yaml.Loader)\n", "TID251"),
        ("import torch\n\ntorch.load('x')\n", "TID251"),
        ("eval('1')\n", "S307"),
        ("exec('1')\n", "S102"),
        ("import subprocess\n\nsubprocess.run('ls', shell=True, check=True)\n", "S602"),
    ],
)
def test_ruff_refuses_it(tmp_path: Path, source: str, rule: str) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", str(ROOT / "gantool" / "planted.py"), "-"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert said.returncode == 1, said.stderr
    assert rule in said.stdout
