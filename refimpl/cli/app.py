"""What all commands share: the application, its console, how refusals and progress are shown."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A verified reference for flow matching and Flow-GRPO.",
)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Bad input becomes one line on standard error and exit code 2, not a traceback."""
    try:
        yield
    except (ValueError, KeyError, TypeError, OSError, ModuleNotFoundError) as error:
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        stderr = Console(stderr=True, highlight=False, soft_wrap=True)
        stderr.print(f"[red]refimpl:[/red] {escape(str(message))}")
        raise typer.Exit(2) from None


def progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description:<60.60}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def docs() -> Path | None:
    """The pages, when the command runs from a checkout."""
    pages = Path(__file__).resolve().parents[2] / "docs"
    return pages if (pages / "math").is_dir() else None
