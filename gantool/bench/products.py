"""The work that cannot be left out: a config's convolutions and matrix products, recorded, and run by themselves.

What an iteration takes beyond this is overhead: activations, normalisation, noise, the optimizer's bookkeeping,
Python. The products see the same shapes, strides and dtypes, forward and backward, and one fused Adam goes over the
same parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import flop_registry

_PRODUCTS = {
    torch.ops.aten.convolution.default,
    torch.ops.aten.convolution_backward.default,
    torch.ops.aten.mm.default,
    torch.ops.aten.addmm.default,
    torch.ops.aten.bmm.default,
    torch.ops.aten.baddbmm.default,
}

Call = tuple[Any, tuple[Any, ...], dict[str, Any]]


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps every product that runs within it, with stand-ins for its tensors.

    Attributes:
        calls: what ran, in order.
        flops: their floating-point operations, nominal: those with a convolution's padding count.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self.flops = 0
        self._stand_ins: dict[tuple[Any, ...], Tensor] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``function`` as it is; remember it where it is a product."""
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        if function in _PRODUCTS:
            place = iter(range(99))
            self.calls.append((function, *tree_map(lambda a: self._stand_in(a, next(place)), (args, kwargs))))
            self.flops += flop_registry[function.overloadpacket](*args, **kwargs, out_val=out)
        return out

    def _stand_in(self, argument: Any, place: int) -> Any:
        """Numbers of the same shape, strides and dtype; calls share them, for a step's tensors would not all fit."""
        if not isinstance(argument, Tensor):
            return argument
        key = (place, argument.dtype, argument.device, tuple(argument.shape), argument.stride())
        if key not in self._stand_ins:
            # (an expanded tensor has fewer numbers than elements, and cannot be filled through its own shape)
            extent = 1 + sum((side - 1) * step for side, step in zip(argument.shape, argument.stride(), strict=True))
            numbers = torch.randn(max(extent, 0), device=argument.device).to(argument.dtype)
            self._stand_ins[key] = numbers.as_strided(argument.shape, argument.stride())
        return self._stand_ins[key]


def products_alone(calls: Sequence[Call], networks: Iterable[nn.Module], iterations: int = 1) -> Callable[[], None]:
    """What runs the recorded products of so many iterations, and a fused Adam over ``networks`` for each."""
    parameters = [nn.Parameter(p.detach().clone()) for network in networks for p in network.parameters()]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    adam = torch.optim.Adam(parameters, fused=True)

    def run() -> None:
        with torch.no_grad():
            for function, args, kwargs in calls:
                function(*args, **kwargs)
        for _ in range(iterations):
            adam.step()

    return run
