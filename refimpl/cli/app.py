"""What all commands share: the application, and how refusals, interrupts and faults end.

0    everything holds        1    something differs        2    it could not run
130  interrupted
"""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from .. import __version__
from . import output
from .extras import explained, import_behind
from .output import console

__all__ = ["app", "console", "docs", "refusals"]


class Commands(TyperGroup):
    """The group of all commands; whatever a command raises ends here, with a line and a code."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command line."""
        output.tolerate()
        return super().main(*args, **options)

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Read the command line; options that act at once, act here."""
        with refusals():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was chosen."""
        with refusals():
            return super().invoke(ctx)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        console.print(f"refimpl {__version__}")
        raise typer.Exit


@app.callback()
def _refimpl(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """A verified reference for flow matching and Flow-GRPO."""


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Bad input is one line and exit code 2; an interrupt is 130; a fault of ours shows itself."""
    try:
        yield
    except KeyboardInterrupt:
        refuse("interrupted", code=130)
    except ImportError as error:
        refuse(explained(error, error))
    except KeyError as error:
        refuse(error.args[0] if error.args else error)
    except (ValueError, TypeError, OSError, MemoryError) as error:
        refuse(error)
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("typer", "click"):
            raise  # a usage error, an exit: theirs to show
        if (behind := import_behind(error)) is not None:
            refuse(explained(error, behind))
        traceback.print_exc()
        refuse(f"this is a fault of refimpl, please report it: {type(error).__name__}: {error}")


def refuse(why: object, code: int = 2) -> None:
    """Say why in one line on standard error, and end with the code."""
    message = " ".join(str(why).split()) or type(why).__name__
    output.errors().print(f"[red]refimpl:[/red] {escape(message)}")
    raise typer.Exit(code) from None


def docs() -> Path | None:
    """The pages, when the command runs from a checkout."""
    pages = Path(__file__).resolve().parents[2] / "docs"
    return pages if (pages / "math").is_dir() else None
