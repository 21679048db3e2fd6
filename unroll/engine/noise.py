"""Drawing the noise that cells declare, before the loop, so that every backend sees the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from unroll.cells import Cell, Noise

Drawn = dict[str, tuple[str, Tensor]]


def draw_noise(cell: Cell, x: Tensor) -> Drawn | None:
    """Each declared noise by name, with when it is drawn: each "step", once per "call", or "once".

    Args:
        cell: the cell that declares the noise.
        x: the inputs [T, B, I]; dtype and device of the noise are those of x.

    Returns:
        None where the cell declares no noise; an empty dict in eval mode. Noise of each step is
        [T, B, ...], of a call [B, ...], drawn once [...].
    """
    declared = cell.noise()
    if not declared:
        return None
    if not cell.training:
        return {}
    return {name: (noise.each, draw(noise, x, len(x))) for name, noise in declared.items()}


def draw(noise: Noise, x: Tensor, steps: int, generator: torch.Generator | None = None) -> Tensor:
    """The random numbers of one declared noise.

    Args:
        noise: the noise.
        x: the inputs [T, B, I]; only B, dtype and device matter.
        steps: for how many steps, where it is drawn at each step.
        generator: draws them; default: torch's own of the device.

    Returns:
        [steps, B, ...] where it is drawn at each step, [B, ...] once per call, [...] once.
    """
    leading = {"step": (steps, x.shape[1]), "call": (x.shape[1],), "once": ()}[noise.each]
    shape = (*leading, *noise.shape)
    if noise.kind == "bernoulli":
        return torch.bernoulli(x.new_full(shape, noise.keep), generator=generator)
    function = torch.randn if noise.kind == "normal" else torch.rand
    return function(shape, dtype=x.dtype, device=x.device, generator=generator)


def draw_by_parts(cell: Cell, x: Tensor, parts: Sequence[int]) -> Callable[[int], Drawn] | None:
    """The noise of consecutive parts of the steps, each as often as it is needed.

    Of noise that is drawn at each step, only the generator's state before every part is kept. The global
    generator goes on as by `draw_noise`; on the CPU ones and zeros and uniform numbers are also
    the same.

    Args:
        cell: the cell that declares the noise.
        x: the inputs [T, B, I].
        parts: the number of steps of each part.

    Returns:
        A function from the number of a part to its noise; None where the cell declares none.
    """
    declared = cell.noise()
    if not declared:
        return None
    if not cell.training:
        return lambda part: {}
    generator = torch.Generator(x.device)
    generator.set_state(global_state(x.device))
    lasting: Drawn = {}
    states: dict[str, list[Tensor]] = {}
    for name, noise in declared.items():
        if noise.each != "step":
            lasting[name] = (noise.each, draw(noise, x, len(x), generator))
            continue
        states[name] = []
        for steps in parts:
            states[name].append(generator.get_state())
            draw(noise, x, steps, generator)
    set_global_state(x.device, generator.get_state())

    def of(part: int) -> Drawn:
        """The noise of this part."""
        again = torch.Generator(x.device)
        found: Drawn = {}
        for name, noise in declared.items():
            if name in lasting:
                found[name] = lasting[name]
            else:
                again.set_state(states[name][part])
                found[name] = (noise.each, draw(noise, x, parts[part], again))
        return found

    return of


def global_state(device: torch.device) -> Tensor:
    """The state of torch's generator of a device."""
    if device.type == "cpu":
        return torch.get_rng_state()
    state: Tensor = torch.get_device_module(device.type).get_rng_state(device)
    return state


def set_global_state(device: torch.device, state: Tensor) -> None:
    """Put torch's generator of a device into this state, uint8 [n], of `global_state`."""
    if device.type == "cpu":
        torch.set_rng_state(state)
    else:
        torch.get_device_module(device.type).set_rng_state(state, device)


def at_step(drawn: Drawn | None, t: int) -> tuple[()] | tuple[dict[str, Tensor] | None]:
    """The further arguments of step t: none, or the dict of this step's noise (None in eval)."""
    if drawn is None:
        return ()
    if not drawn:
        return (None,)
    return ({name: v[t] if each == "step" else v for name, (each, v) in drawn.items()},)
