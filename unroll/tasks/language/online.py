"""A language model that learns online: no gradient goes back in time."""

from __future__ import annotations

from unroll.errors import UserError
from unroll.models.language import LanguageModel
from unroll.tasks.language.settings import LanguageSettings
from unroll.training.online import Online
from unroll.training.online_blocks import OnlineBlocks


def online_blocks(network: LanguageModel, settings: LanguageSettings) -> OnlineBlocks:
    """What computes the gradients in place of backpropagation through time.

    Raises:
        UserError: where cell and sizes do not allow it.
    """
    if settings.watch is not None:
        raise UserError(
            f"--watch {settings.watch} follows gradients back in time, and online={settings.online} has "
            "none that go back. Leave one of them out."
        )
    batch_size = settings.batch_size or 1
    if settings.online == "rtrl":
        online = Online(network.as_cell(), batch_size, "rtrl")
        return OnlineBlocks(network, online, network.output_loss)
    cell = network.get_submodule("stack.0.cells.0")
    online = Online(cell, batch_size, "snap1")  # type: ignore[arg-type]
    return OnlineBlocks(network, online, network.output_loss, network.embedding)


def describe_online(network: LanguageModel, settings: LanguageSettings) -> str:
    """A sentence on the algorithm, what it neglects, and what it costs."""
    online = online_blocks(network, settings).online
    if settings.online == "rtrl":
        how = "the effect of every weight on the state is carried forward, exactly"
    elif online.exact:
        how = (
            "the effect of every weight on the state is carried forward, exactly for this cell, but "
            "the embedding learns from each step alone"
        )
    else:
        how = (
            "the effect of a weight on its own unit is carried forward, its effect through other units "
            "is neglected, and the embedding learns from each step alone"
        )
    return (
        f"Online: {settings.online}, no gradient goes back in time and no step is stored; {how}. The "
        f"weights change every {settings.block} steps (--set block=N). It costs {online.cost} (--set "
        "online=rtrl|snap1)."
    )
