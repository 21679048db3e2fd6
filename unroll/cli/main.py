"""The commands, and how trouble is told: one sentence, exit code 2, a traceback only by --debug."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer

from unroll.cells.own import trouble_in_own
from unroll.cli import cells, data, demo, doctor, inspect, train, use
from unroll.errors import UserError
from unroll.version import __version__

# typer brings its own click since 0.27, so the class is taken from what it exports
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="unroll",
    help="Recurrent neural networks: train one on your own data, and use it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Any command takes --debug, which shows the traceback of an error.",
)
app.command("demo")(demo.demo)
app.command("train")(train.train)
app.command("eval")(use.evaluate)
app.command("predict")(use.predict)
app.command("score")(use.score)
app.command("next")(use.next_tokens)
app.command("generate")(use.generate)
app.add_typer(data.app, name="data")
app.add_typer(inspect.app, name="inspect")
app.command("explain")(use.explain)
app.command("cells")(cells.cells)
app.command("doctor")(doctor.doctor)


@app.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Recurrent neural networks: train one on your own data, and use it."""
    if show:
        typer.echo(f"unroll {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line, and exit with its code."""
    words = sys.argv[1:]
    debug = "--debug" in words or bool(os.environ.get("UNROLL_DEBUG"))
    sys.exit(run([word for word in words if word != "--debug"], debug))


def run(words: list[str], debug: bool) -> int:
    """The exit code of these words: 0 done, 1 trouble of ours or the machine's, 2 of the input."""
    try:
        result = app(args=words, standalone_mode=False)
        if result == 130:
            return told("Interrupted; nothing of this is kept.", 130, debug)
        return result if isinstance(result, int) else 0
    except UserError as error:
        return told(str(error), 2, debug)
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # the help has been shown
            return 0
        return told(usage(error), 2, debug)
    except (KeyboardInterrupt, typer.Abort):
        return told("Interrupted.", 130, debug)
    except BrokenPipeError:  # the reader, `head` say, has had enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123
        return 0
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            return fault(error, debug)
        return told(
            "There is not enough memory for this model. Lower --hidden, --layers or --set "
            f"batch_size=... ({str(error).splitlines()[0][:200] if str(error) else 'MemoryError'})",
            2,
            debug,
        )
    except OSError as error:
        return told(f"{error.filename or 'A file'}: {error.strerror or error}.", 1, debug)
    except Exception as error:
        return fault(error, debug)


def fault(error: Exception, debug: bool) -> int:
    """Trouble that nobody foresaw: the user's own code is named where it comes from there."""
    own = trouble_in_own(error)
    if own is not None:
        return told(own, 2, debug)
    return told(
        f"This is a fault of unroll, not of the input: {type(error).__name__}: {error}. "
        "Run it again with --debug and report what it shows.",
        1,
        debug,
    )


def usage(error: Any) -> str:
    """A wrong word on the command line, with where the right ones stand."""
    where = error.ctx.command_path if error.ctx is not None else "unroll"
    return f"{error.format_message().rstrip('.')}. The right ones: {where} --help"


def told(sentence: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    typer.echo(f"unroll: {sentence}", err=True)
    return code
