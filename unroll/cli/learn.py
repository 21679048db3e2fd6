"""`unroll learn`: lessons that run, and their exercises."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from unroll.cli.findings import checked_files, findings_shown, write_and_report
from unroll.cli.output import say, say_json
from unroll.cli.run_options import AsJson, Overwrite
from unroll.errors import UserError
from unroll.learn.lesson import FOLDER, Lesson, all_lessons, lesson_of
from unroll.paths import refuse_impossible_path

if TYPE_CHECKING:
    from unroll.inspect.finding import Finding
    from unroll.learn.checking import Checked
    from unroll.learn.exercise import Exercise

Folder = Annotated[str, typer.Option(help="For the data and runs of lessons.", metavar="FOLDER")]
LessonName = Annotated[str, typer.Argument(metavar="LESSON", help="Its number, or its name.")]
SHOW = "lesson"


class LessonGroup(TyperGroup):
    """Commands, of which `lesson` may be left out: `unroll learn 4` is `unroll learn lesson 4`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names, and the words for it."""
        known = not args or args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else [SHOW, *args])


app = typer.Typer(
    cls=LessonGroup,
    invoke_without_command=True,
    help="Lessons that run: `unroll learn` lists them, `unroll learn 4` shows one.",
)


@app.callback()
def learn(context: typer.Context, json: AsJson = False) -> None:
    """Lessons that run: `unroll learn` lists them, `unroll learn 4` shows one."""
    if context.invoked_subcommand is not None:
        return
    lessons = all_lessons()
    if json:
        say_json([summary(lesson) for lesson in lessons])
        return
    widest = max(len(lesson.title) for lesson in lessons)
    say("Lessons, in the order in which they are best read; number or name will do:\n")
    for lesson in lessons:
        say(f"{lesson.number:4}  {lesson.title:{widest}}  {lesson.name}")
    first = lessons[0].number
    say(
        f"\nunroll learn {first}                      the lesson: its text, its command, its exercises"
        f"\nunroll learn {first} --out lesson.html    the same as a page with its picture"
        f"\nunroll learn check {first}                asks its questions and checks the answers"
        "\nunroll learn notebooks FOLDER       every lesson as a notebook"
    )


@app.command(SHOW)
def lesson(
    context: typer.Context,
    number: LessonName,
    out: Annotated[
        str | None, typer.Option(help="Write a page that works offline.", metavar="FILE.html")
    ] = None,
    svg: Annotated[str | None, typer.Option(help="Write the picture.", metavar="FILE.svg")] = None,
    folder: Folder = FOLDER,
    overwrite: Overwrite = False,
    json: AsJson = False,
) -> None:
    """Show a lesson: its text, what its command prints, what to see in it, its exercises."""
    chosen = lesson_of(number)
    refuse_impossible_path(folder, "--folder")
    files = checked_files({"--out": out, "--svg": svg}, overwrite)
    if json:
        say_json(summary(chosen) | {"text": chosen.text, **chosen.sections})
        return
    from unroll.learn.folder import write_data
    from unroll.learn.words import as_terminal_text

    say(f"{chosen.number}. {chosen.title}\n\n{as_terminal_text(chosen.text)}")
    for sentence in write_data(chosen.number, folder):
        say(f"\n{sentence}")
    findings: list[Finding] = []
    for words in chosen.commands(folder):
        say(f"\n$ {shlex.join(words)}")
        findings += run_command(context, words)
    for title, words_of_part in after_command(chosen, folder).items():
        say(f"\n{title}\n{'-' * len(title)}\n{words_of_part}")
    if "--svg" in files:
        write_and_report(files["--svg"], findings[-1].svg(chosen.picture).encode())
    if "--out" in files:
        from unroll.learn.page import lesson_page

        write_and_report(files["--out"], lesson_page(chosen, findings, folder).encode())
    if not files:
        say(f"\nTo see it as a page with its picture: unroll learn {number} --out lesson.html")


@app.command("check", context_settings={"ignore_unknown_options": True})
def check(
    number: LessonName,
    answers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ANSWER]...",
            help="One for each exercise: a number, a letter, a word, a file of Python; - for none.",
        ),
    ] = None,
    given: Annotated[
        bool, typer.Option("--answers", help="The answers follow, in place of being asked.")
    ] = False,
    file: Annotated[
        str | None,
        typer.Option(
            help="Your file of Python, for the exercise that asks for one.", metavar="FILE"
        ),
    ] = None,
    folder: Folder = FOLDER,
    json: AsJson = False,
) -> None:
    """Ask the exercises of a lesson, or take the ANSWERS; say which are right.

    Exit code: 0 if all answers are right, 1 if one is wrong or missing, 2 if one could not be read.

    Not read is a word in place of a number, a file that is missing, stops or lacks the function.
    """
    from unroll.learn.checking import compared

    chosen = lesson_of(number)
    refuse_impossible_path(folder, "--folder")
    wrong = [word for word in answers or [] if word.startswith("--")]
    if wrong:
        raise UserError(f"No such option: {wrong[0]}. See: unroll learn check --help")
    asked = not (answers or given or file is not None)
    count = len(answers or []) + (file is not None)
    if asked or count == len(chosen.questions) or (file is not None and not answers):
        say("Computing the right answers.", err=True)
    exercises = chosen.exercises(Path(folder))
    if not asked:
        found = compared(chosen, exercises, all_answers(exercises, answers or [], file))
    else:
        found = ask(chosen, exercises)
    if json:
        say_json(found.as_dict())
    else:
        say("\n".join(found.lines()))
    raise typer.Exit(0 if found.all_right else 1 if found.all_judged else 2)


@app.command("notebooks")
def notebooks(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Made where it does not exist.")],
    number: Annotated[
        str | None, typer.Option("--lesson", help="Only this one.", metavar="LESSON")
    ] = None,
) -> None:
    """Write the lessons as notebooks; a file that exists already is kept."""
    from unroll.learn.notebook import write_notebooks

    refuse_impossible_path(folder, "FOLDER")
    written = write_notebooks(folder, number)
    for path in written:
        say(f"Written: {path}", err=True)
    if not written:
        say(f"Nothing was written: {folder} has the notebooks already.", err=True)


@app.command("data")
def data(folder: Folder = FOLDER) -> None:
    """Write the data of all lessons, and texts to try more with; a file that exists is kept."""
    from unroll.learn.folder import files_beside_lessons, write_data

    for sentence in write_data(folder=folder) or [f"{folder} has the data already."]:
        say(sentence, err=True)
    more = [f"  {name}: {use}" for name, use in files_beside_lessons().items()]
    say("\n".join(["No lesson needs these; they are for trying more:", *more]), err=True)


def summary(lesson: Lesson) -> dict[str, Any]:
    """A lesson in a few words, for JSON."""
    return {
        "number": lesson.number,
        "name": lesson.name,
        "title": lesson.title,
        "claim": lesson.claim,
        "commands": [shlex.join(words) for words in lesson.commands()],
    }


def after_command(lesson: Lesson, folder: str) -> dict[str, str]:
    """What follows the picture, by its heading."""
    from unroll.learn.words import as_terminal_text

    width = 77
    questions = []
    for n, question in enumerate(lesson.questions, 1):
        text = as_terminal_text(question.text, width).replace("\n", "\n   ")
        questions.append(f"{n}. {text}")
    code = "\n".join(f"    {line}".rstrip() for line in lesson.python(folder).splitlines())
    return {
        "What to see": as_terminal_text(lesson.sections["What to see"]),
        "The same in Python": code,
        "Exercises": "\n".join([*questions, f"\nCheck: unroll learn check {lesson.number}"]),
        "Sources": as_terminal_text(lesson.sections["Sources"]),
    }


def run_command(context: typer.Context, words: list[str]) -> list[Finding]:
    """Run a command of a lesson in this process; a run that exists already is not trained again.

    Returns:
        The findings that it showed.
    """
    if words[1] == "train" and "--out" in words:
        run = words[words.index("--out") + 1]
        if Path(run).exists():
            say(f"{run} is there already, so it is not trained again. Delete it to train again.")
            return []
    root: Any = context.find_root().command
    with findings_shown() as findings:
        root(args=words[1:], prog_name="unroll", standalone_mode=False)
    return findings


def all_answers(exercises: list[Exercise], given: list[str], file: str | None) -> list[Any]:
    """The answers of a command line, with the file in the place of the exercise that asks for one.

    Raises:
        UserError: for a file where no exercise asks for one.
    """
    answers: list[Any] = [None if word == "-" else word for word in given]
    if file is None:
        return answers
    from unroll.learn.exercise import Code

    places = [n for n, exercise in enumerate(exercises) if isinstance(exercise, Code)]
    if not places:
        raise UserError(f"--file got {file}, but no exercise of this lesson asks for one.")
    if len(answers) == len(exercises):
        raise UserError("Every exercise has an answer already. Leave --file out, or that answer.")
    if not answers:
        answers = [None] * (len(exercises) - 1)
    return [*answers[: places[0]], file, *answers[places[0] :]]


def ask(lesson: Lesson, exercises: list[Exercise]) -> Checked:
    """Ask the exercises on the terminal; after a wrong answer the hint, and the same once more."""
    from unroll.learn.checking import compared, sentence, verdict_on
    from unroll.learn.words import as_terminal_text

    answers: list[str | None] = [None] * len(exercises)
    say(f"{lesson.number}. {lesson.title}. An empty line leaves a question out.")
    for n, (exercise, question) in enumerate(zip(exercises, lesson.questions, strict=True)):
        say(f"\n{n + 1}. {as_terminal_text(question.text)}\n   ({exercise.expects})")
        while True:
            answer = read_answer()
            if not answer:
                break
            verdict = verdict_on(exercise, answer)
            answers[n] = answer
            say(as_terminal_text(sentence(answer, verdict, question)))
            if verdict.right:
                break
    say()
    return compared(lesson, exercises, answers)


def read_answer() -> str:
    """A line of the terminal; empty where the input has ended."""
    say("> ", end="")
    line = sys.stdin.readline() if sys.stdin is not None else ""
    if not sys.stdin or not sys.stdin.isatty():
        say(line.strip())
    return line.strip()
