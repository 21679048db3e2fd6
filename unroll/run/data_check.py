"""Look at data before anything is trained on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from unroll.settings import settings_from
from unroll.tasks import guess_task, load_task, settings_of


def check(
    data: str | Path, say: Callable[[str], None], *, task: str | None = None, **settings: Any
) -> dict[str, Any]:
    """What `unroll train` would read of it: how much, its lengths and labels, what is bad or cut.

    say: told what was guessed. task, settings: as `unroll.train` takes them.
    Raises: UserError where nothing can be read at all.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    name, why = guess_task(str(data), given) if task is None else (task, "as asked")
    checked = settings_from(settings_of(name), given)
    say(f"{data}: {why}, read for the task {name} (--task).")
    return {"task": name, **load_task(name).check(str(data), checked, say)}
