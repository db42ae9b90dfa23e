"""What the source of the package shows: no modules that import each other, no huge constructors."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import consumer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

PACKAGE: Final = Path(consumer.__file__).parent
MOST_PARAMETERS: Final = 8


def modules_of(package: Path) -> dict[str, Path]:
    """Dotted name -> file; a package has the name of its folder."""
    modules = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def imported(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """The imports of one statement as (module, name in it); without a name it is ""."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, ""
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")
        base = above[: len(above) - node.level + 1] if node.level else []
        module = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            yield module, alias.name


def graph_of(package: Path) -> dict[str, set[str]]:
    """Module -> the modules of the same package that it imports, anywhere in its source.

    Imports in functions and those for types only count like any other. `from a import b` is an
    import of a.b where that is a module, else of a.
    """
    modules = modules_of(package)
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        here = module if path.name == "__init__.py" else module.rpartition(".")[0]
        found = {
            inner if (inner := f"{outer}.{name}") in modules else outer
            for node in ast.walk(ast.parse(path.read_bytes()))
            for outer, name in imported(node, here)
        }
        graph[module] = found & modules.keys()
    return graph


def reachable(graph: Mapping[str, AbstractSet[str]], start: str) -> set[str]:
    """All modules that `start` imports, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def circles_of(graph: Mapping[str, AbstractSet[str]]) -> set[frozenset[str]]:
    """The sets of modules that all import each other, directly or through others."""
    reach = {module: reachable(graph, module) for module in graph}
    return {
        frozenset(other for other in found if module in reach[other])
        for module, found in reach.items()
        if module in found
    }


def test_no_modules_import_each_other() -> None:
    """Not even for types: each module can be read after those that it imports."""
    circles = circles_of(graph_of(PACKAGE))

    assert not circles, "\n".join(" <-> ".join(sorted(circle)) for circle in circles)


def test_every_kind_of_import_is_seen(tmp_path: Path) -> None:
    """Absolute and relative ones, in functions and for types, of modules and of names in them."""
    package = tmp_path / "pack"
    (package / "room").mkdir(parents=True)
    sources = {
        "__init__.py": "",
        "a.py": "import pack.b\nimport os",
        "b.py": "def later():\n    from pack import c\n    from pack.room import Thing",
        "c.py": "from __future__ import annotations\nif TYPE_CHECKING:\n    from pack.a import X",
        "room/__init__.py": "from .inner import Thing",
        "room/inner.py": "from ..d import x\nfrom . import other",
        "room/other.py": "",
        "d.py": "from .room.inner import y",
    }
    for name, source in sources.items():
        (package / name).write_text(source)

    graph = graph_of(package)

    assert graph == {
        "pack": set(),
        "pack.a": {"pack.b"},
        "pack.b": {"pack.c", "pack.room"},
        "pack.c": {"pack.a"},
        "pack.d": {"pack.room.inner"},
        "pack.room": {"pack.room.inner"},
        "pack.room.inner": {"pack.d", "pack.room.other"},
        "pack.room.other": set(),
    }
    circles = {frozenset({"pack.a", "pack.b", "pack.c"}), frozenset({"pack.d", "pack.room.inner"})}
    assert circles == circles_of(graph)


def constructors_of(package: Path) -> Iterator[tuple[str, int]]:
    """Each class that has an `__init__`, and how many parameters that takes, without self."""
    for module, path in modules_of(package).items():
        for node in ast.walk(ast.parse(path.read_bytes())):
            if not isinstance(node, ast.ClassDef):
                continue
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    given = method.args
                    plain = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
                    rest = (given.vararg is not None) + (given.kwarg is not None)
                    yield f"{module}.{node.name}", plain + rest - 1


def test_no_constructor_takes_more_than_eight_parameters() -> None:
    """A class that needs more does several things. The test kit's doubles may take more."""
    large = {
        name
        for name, count in constructors_of(PACKAGE)
        if count > MOST_PARAMETERS and not name.startswith("consumer.testing.")
    }

    assert not large, sorted(large)


def test_public_names_are_what_type_checkers_take_them_for() -> None:
    """Each is loaded from where the imports for type checkers say, and no other name is there."""
    tree = ast.parse((PACKAGE / "__init__.py").read_bytes())
    homes = {
        name: module
        for node in ast.walk(tree)
        for module, name in imported(node, "consumer")
        if module.startswith("consumer.")
    }

    assert {*homes, "__version__"} == set(consumer.__all__)
    for name, module in homes.items():
        assert getattr(consumer, name) is getattr(import_module(module), name)
    with pytest.raises(AttributeError, match="no attribute 'Registri'"):
        consumer.Registri  # type: ignore[attr-defined]  # noqa: B018
