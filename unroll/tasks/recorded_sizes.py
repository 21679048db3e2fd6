"""The sizes that a run recorded, held against the weights that it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from unroll.errors import UserError
from unroll.settings import RecurrentSettings, TrainingSettings
from unroll.tasks.base import MakeCell

if TYPE_CHECKING:
    from unroll.tasks import AnyTask


def check_sizes(
    task: AnyTask, path: Path, settings: RecurrentSettings, preprocessor: Any, make_cell: MakeCell
) -> None:
    """Refuse sizes far beyond the weights that the run has, before memory is asked for.

    Args:
        task: of the run.
        path: of its folder.
        settings: that it recorded.
        preprocessor: of the run.
        make_cell: makes its cells.

    Raises:
        UserError: where the network has more weights than the file can hold.
    """
    given = settings.model_dump(exclude=set(TrainingSettings.model_fields))
    sizes = [n for n in (*given.values(), *settings.cell_options.values()) if type(n) is int]
    held = sum(each.stat().st_size for each in path.glob("model.safetensors"))
    likely = 64 * settings.layers * (settings.hidden or 1) * max(sizes, default=1)
    if likely < (1 << 26) + 20 * held:  # bytes; the rest takes seconds, and never an honest run
        return
    damaged = UserError(
        f"{path / 'config.json'} has sizes of a network with more weights than model.safetensors "
        f"holds ({held:,} bytes). Restore the file from a copy."
    )
    try:
        with torch.device("meta"):  # shapes alone
            network = task.network(settings, preprocessor, make_cell)
    except NotImplementedError:  # a cell that needs numbers
        return
    except (RuntimeError, TypeError, OverflowError) as error:
        raise damaged from error
    tensors = network.state_dict().values()
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors) > held:
        raise damaged
