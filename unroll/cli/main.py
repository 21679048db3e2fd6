"""The commands, and how errors are reported: one sentence, exit code 2, a traceback only by --debug."""

from __future__ import annotations

import errno
import logging
import os
import shlex
import sys
import traceback
from typing import Any

import typer

from unroll.cells.user_cell import describe_user_cell_error
from unroll.cli import (
    cells,
    compare,
    data,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    generate,
    inspect,
    learn,
    predict,
    score,
    train,
)
from unroll.cli.output import TerminalHandler, make_streams_forgiving, say
from unroll.cli.task_options import (
    DataCommand,
    TaskCommand,
    column_parameters,
    setting_parameters,
    with_options,
)
from unroll.errors import UserError, shorten_long_words
from unroll.training.clock import clock_started, process_age
from unroll.version import __version__

# typer brings its own click since 0.27, so the class is taken from what it exports
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

# what the system says of paths that are not what a command needs
OF_THE_INPUT = {
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES,
    errno.EPERM, errno.EEXIST, errno.ENOTEMPTY, errno.ENXIO, errno.EINVAL,
}  # fmt: skip
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
SUMMARY = "Recurrent neural networks: train one on your own data, and use it."


def make_app() -> typer.Typer:
    """The commands; those that train take the settings of every task that there is now."""
    app = typer.Typer(
        name="unroll",
        help=SUMMARY,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        epilog="Any command takes --debug, which shows the traceback of an error.",
    )
    app.callback(invoke_without_command=True)(version)
    app.command("demo")(demo.demo)
    app.command("train", cls=TaskCommand)(
        with_options(train.train, "settings", setting_parameters())
    )
    app.command("eval")(with_options(evaluate.evaluate, "columns", column_parameters()))
    app.command("predict")(predict.predict)
    app.command("score")(score.score)
    app.command("next")(score.next_tokens)
    app.command("generate")(generate.generate)
    app.add_typer(make_data_app(), name="data")
    app.add_typer(inspect.app, name="inspect")
    app.command("compare")(compare.compare)
    app.add_typer(learn.app, name="learn")
    app.command("explain")(explain.explain)
    app.command("export")(export.export)
    app.command("cells")(cells.cells)
    app.command("doctor")(doctor.doctor)
    return app


def make_command() -> Any:
    """The commands as click has them; help shows no type beside what takes no value."""
    command = typer.main.get_command(make_app())
    waiting: list[Any] = [command]
    while waiting:
        each = waiting.pop()
        waiting += getattr(each, "commands", {}).values()
        for option in [*each.params, each.get_help_option(typer.Context(each))]:
            if getattr(option, "is_flag", False):
                option.metavar = ""
    return command


def make_data_app() -> typer.Typer:
    """The commands of `unroll data`."""
    app = typer.Typer(no_args_is_help=True, help="Check data before training.")
    app.callback()(lambda: None)  # so that `check` stays a word of its own
    app.command("check", cls=DataCommand)(
        with_options(data.check, "settings", setting_parameters(False))
    )
    return app


def version(
    show: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Recurrent neural networks: train one on your own data, and use it."""
    if show:
        say(f"unroll {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line, and exit with its code."""
    make_streams_forgiving()
    logger = logging.getLogger("unroll")
    logger.addHandler(TerminalHandler())
    logger.setLevel(logging.WARNING if "--quiet" in sys.argv else logging.INFO)
    words = sys.argv[1:]
    debug = "--debug" in words or bool(os.environ.get("UNROLL_DEBUG"))
    with clock_started(process_age()):
        code = run([word for word in words if word != "--debug"], debug)
    sys.exit(code)


def run(words: list[str], debug: bool) -> int:
    """Run these words.

    Returns:
        The exit code: 0 done, 1 an error of unroll or of the machine, 2 an error of the input.
    """
    try:
        result = make_command()(args=words, prog_name="unroll", standalone_mode=False)
        if result == 130:
            return report_error("Interrupted; nothing of this is kept.", 130, debug)
        return result if isinstance(result, int) else 0
    except UserError as error:
        return report_error(str(error), 2, debug)
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # the help has been shown
            return 0
        return report_error(usage(error, words), 2, debug)
    except (KeyboardInterrupt, typer.Abort):
        return report_error("Interrupted.", 130, debug)
    except BrokenPipeError:  # the reader, `head` say, has had enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123
        return 0
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            return fault(error, debug)
        return report_error(
            "There is not enough memory for this model. Lower --hidden, --layers or --set "
            f"batch_size=... ({str(error).splitlines()[0][:200] if str(error) else 'MemoryError'})",
            2,
            debug,
        )
    except OSError as error:
        if error.errno in NO_ROOM:
            return report_error(
                f"{error.filename or 'The output'} cannot be written: {error.strerror}. Make room "
                "there, then give the command again; a run goes on by --resume.",
                1,
                debug,
            )
        what = f"{error.filename or 'A file'}: {error.strerror or error}."
        if error.errno in OF_THE_INPUT:
            return report_error(f"{what} Check the path.", 2, debug)
        return report_error(what, 1, debug)
    except Exception as error:
        return fault(error, debug)
    except BaseException as error:
        if isinstance(error, (SystemExit, GeneratorExit)):
            raise
        return fault(error, debug)  # what a library in Rust raises where it gives up


def fault(error: BaseException, debug: bool) -> int:
    """Report an error that nobody foresaw; where it comes from the user's own code, that is named."""
    own = describe_user_cell_error(error)
    if own is not None:
        return report_error(own, 2, debug)
    return report_error(
        f"This is a fault of unroll, not of the input: {type(error).__name__}: {error}. "
        "Run it again with --debug and report what it shows.",
        1,
        debug,
    )


def usage(error: Any, words: list[str]) -> str:
    """A wrong word on the command line, with the command that lists the right words."""
    where = error.ctx.command_path if error.ctx is not None else shlex.join(["unroll", *words[:1]])
    message = error.format_message().rstrip(".")
    end = "" if message.endswith("?") else "."
    return f"{message}{end} See: {where} --help"


def report_error(sentence: str, code: int, debug: bool) -> int:
    """Print an error to standard error; the exit code."""
    if debug:
        say(traceback.format_exc(), err=True, end="")
    say(f"unroll: {shorten_long_words(sentence)}", err=True)
    return code
