"""Finding an adapter by name.

    load("pkg.mod:Mine")        load("path/to/file.py:Mine")

Files are imported under a name of their own, beside their folder's other modules, and see a command
line of their own: the file's name, no arguments. A file that ends Python on import is refused.
"""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .naming import CannotRun, nearest


def load(target: str) -> Any:
    """The object that "pkg.mod:obj" or "path/to/file.py:obj" names.

    Raises:
        CannotRun: no such file, module or object.
    """
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise CannotRun(f"{target!r} must read pkg.mod:obj or path/to/file.py:obj")
    module = _from_file(Path(where)) if where.endswith(".py") else _imported(where)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            public = [n for n in vars(module) if not n.startswith("_")]
            raise CannotRun(f"{where} has no {name!r}{nearest(name, public)}")
        found = getattr(found, part)
    return found


def _imported(name: str) -> Any:
    with _importing(name, Path.cwd()):
        return importlib.import_module(name)


def _from_file(file: Path) -> Any:
    if not file.is_file():
        raise CannotRun(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(f"_refimpl_checked_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise CannotRun(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    with _importing(str(file), file.parent.resolve()):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _importing(what: str, folder: Path) -> Iterator[None]:
    """A folder on the path, `sys.argv` without our arguments, and whatever is raised refused.

    An interrupt from the keyboard passes: it ends the program, not the file's import.
    """
    path, argv = list(sys.path), sys.argv
    sys.path.insert(0, str(folder))
    sys.argv = [what]
    try:
        yield
    except KeyboardInterrupt:
        raise
    except SystemExit as end:
        raise CannotRun(
            f"cannot import {what}: it ends Python when it is imported (exit {end.code!r}); put "
            "what a script runs (a parser of arguments, sys.exit, pytest.main) below "
            'if __name__ == "__main__":'
        ) from end
    except BaseException as error:
        raise CannotRun(f"cannot import {what}: {type(error).__name__}: {error}") from error
    finally:
        sys.path[:], sys.argv = path, argv
