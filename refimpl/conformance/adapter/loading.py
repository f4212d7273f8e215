"""Finding an adapter by name.

    load("pkg.mod:Mine")        load("path/to/file.py:Mine")

Files are imported under a name of their own, beside their folder's other modules.
"""

import importlib
import importlib.util
import sys
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
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise CannotRun(f"cannot import {name}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(Path.cwd()))


def _from_file(file: Path) -> Any:
    if not file.is_file():
        raise CannotRun(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(f"_refimpl_checked_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise CannotRun(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(file.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CannotRun(f"cannot import {file}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(file.parent.resolve()))
    return module
