"""From a trained model to the fresh state of a run on other pictures, tensor by tensor.

Taken over are the averaged generator, which becomes both the generator and its average, and the discriminator. The
optimizers' moments are not (they remember gradients of other pictures), nor is what augmentations and penalties
remember, nor the counter. A tensor of another shape stays as the run's seed drew it.

Rows of classes go by the classes' names. Where the resolution differs, the generator's levels have the same names
(they count from the base map), and the discriminator's are sought twice: by resolution, since their numbers count from
the image, and by name, which fits where the widths count from the image as well; what takes over more is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from gantool.errors import ConfigError
from gantool.models.base import Discriminator
from gantool.nn.resolution import Grid
from gantool.nn.spectral import settle_spectral_norm
from gantool.training.fit import without_bytes
from gantool.training.origin import Facts, Origin
from gantool.training.state import TrainingState
from gantool.training.takeover import Left, Takeover

Shapes = dict[str, torch.Size]
Build = Callable[[Facts], nn.Module]
_VECTORS = (".0.left", ".0.right")
_NORMALISED = ".original"


@torch.no_grad()
def take_over(origin: Origin, state: TrainingState, here: Facts) -> Takeover:
    """Fill the networks of a fresh ``state``, which was built from ``here``, with what fits of ``origin``."""
    there = origin.facts
    in_g = _Copy(origin.generator, state.generator, there, here, _generator)
    in_g.copy({name: name for name in in_g.live})
    settle_spectral_norm(state.generator)  # the averaged weights, and vectors of the last step's
    for name, tensor in state.ema.tensors().items():
        tensor.copy_(in_g.live[name])

    in_d = _Copy(origin.discriminator, state.discriminator, there, here, _discriminator)
    in_d.copy(max(_alignments(state.discriminator, in_d.live, there, here), key=in_d.fitting))
    if in_d.left:
        settle_spectral_norm(state.discriminator)
    copies = {"generator": in_g, "discriminator": in_d}
    return Takeover(
        shares={network: copied.share() for network, copied in copies.items()},
        left=tuple(replace(left, name=f"{network}.{left.name}") for network, c in copies.items() for left in c.left),
        changed=_changed(there, here),
    )


@dataclass
class _Copy:
    """The copying of one network.

    Attributes:
        source: tensors of the trained one.
        network: the fresh one.
        there, here: what they were built from.
        build: builds such a network from facts, to see what decides a shape.
        left: what was not taken over whole, so far.
        taken: how many numbers of each parameter were.
    """

    source: Mapping[str, Tensor]
    network: nn.Module
    there: Facts
    here: Facts
    build: Build
    left: list[Left] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.live: dict[str, Tensor] = dict(self.network.state_dict(keep_vars=True))
        self._rows = _rows_of_classes(self.build, self.here)
        self._variants = _variants(self.build, self.there, self.here)
        self._shapes_there = {name: tensor.shape for name, tensor in self.source.items()}

    def fitting(self, names: Mapping[str, str]) -> int:
        """How many numbers have a tensor of their own shape under the other names."""
        return sum(
            tensor.numel() for name, tensor in self.live.items() if self._shapes_there.get(names[name]) == tensor.shape
        )

    def copy(self, names: Mapping[str, str]) -> None:
        """Take over what fits; ``names`` says under which name a tensor is sought in the trained network."""
        # Weights before the vectors of their spectral norm, which are worth nothing without them.
        for name in sorted(self.live, key=lambda name: name.endswith(_VECTORS)):
            self._copy_one(name, names[name])
        order = {name: position for position, name in enumerate(self.live)}
        self.left.sort(key=lambda left: order[left.name])
        for name in sorted(self.source.keys() - {names[name] for name in self.live}):
            if not name.endswith(_VECTORS):
                self.left.append(Left(name, tuple(self.source[name].shape), None, self._why(name, name)))

    def share(self) -> float:
        """The part of the parameters that was taken over."""
        parameters = dict(self.network.named_parameters())
        total = sum(parameter.numel() for parameter in parameters.values())
        return sum(self.taken.get(name, 0) for name in parameters) / total

    def _copy_one(self, name: str, sought: str) -> None:
        target, source = self.live[name], self.source.get(sought)
        if name.endswith(_VECTORS) and self._is_fresh(name.rsplit(".", 2)[0] + _NORMALISED):
            return  # listed with its weight
        if source is not None and name in self._rows and source.shape[1:] == target.shape[1:]:
            self._copy_rows(name, sought, source)
        elif source is not None and source.shape == target.shape:
            target.copy_(source)
            self.taken[name] = target.numel()
        else:
            self._leave(name, sought)

    def _copy_rows(self, name: str, sought: str, source: Tensor) -> None:
        """Each class's row by the class's name: numbers may stand for other classes here."""
        target, classes = self.live[name], self.there.classes
        kept = [label for label in self.here.classes if label in classes]
        for label in kept:
            target[self.here.classes.index(label)] = source[classes.index(label)]
        self.taken[name] = target.numel() // len(target) * len(kept)
        if len(kept) < len(target):
            self.left.append(Left(name, tuple(source.shape), tuple(target.shape), ("classes",), tuple(kept)))

    def _is_fresh(self, name: str) -> bool:
        return self.taken.get(name, 0) < self.live[name].numel()

    def _leave(self, name: str, sought: str) -> None:
        there = self._shapes_there.get(sought)
        shape = None if there is None else tuple(there)
        self.left.append(Left(name, shape, tuple(self.live[name].shape), self._why(name, sought)))

    def _why(self, name: str, sought: str) -> tuple[str, ...]:
        """The facts that, changed alone, give the tensor another shape, or make it come or go."""
        before = self._shapes_there.get(name)
        found = [fact for fact, shapes in self._variants.items() if shapes.get(name) != before]
        if name != sought and "resolution" not in found:
            found.append("resolution")
        return tuple(found or self._variants)


def _alignments(
    network: Discriminator, live: Mapping[str, Tensor], there: Facts, here: Facts
) -> Iterator[dict[str, str]]:
    """Under which names the discriminator's tensors are sought: by resolution, and by their own."""
    grown = Grid.of(here.shape).doublings - Grid.of(there.shape).doublings
    lists = {f"{name}.": count * grown for name, count in network.numbered_from_image}
    if grown and lists:
        yield {name: _renumbered(name, lists) for name in live}
    yield {name: name for name in live}


def _renumbered(name: str, lists: Mapping[str, int]) -> str:
    for prefix, shift in lists.items():
        if name.startswith(prefix):
            number, _, rest = name.removeprefix(prefix).partition(".")
            return f"{prefix}{int(number) - shift}.{rest}"  # a number below 0 is nobody's name
    return name


def _generator(facts: Facts) -> nn.Module:
    return facts.settings.build_generator(facts.shape, len(facts.classes))


def _discriminator(facts: Facts) -> nn.Module:
    return facts.settings.build_discriminator(facts.shape, len(facts.classes))


def _shapes(build: Build, facts: Facts) -> Shapes:
    """The shapes of a network's tensors."""
    return {name: tensor.shape for name, tensor in without_bytes(lambda: build(facts)).state_dict().items()}


def _rows_of_classes(build: Build, facts: Facts) -> frozenset[str]:
    """Names of the tensors that have a row for each class."""
    if not facts.classes:
        return frozenset()
    more = _shapes(build, replace(facts, classes=(*facts.classes, "one more")))
    return frozenset(name for name, shape in _shapes(build, facts).items() if more[name] != shape)


def _variants(build: Build, there: Facts, here: Facts) -> dict[str, Shapes]:
    """For each fact that differs, the shapes that the trained network would have with that fact changed alone."""
    changed: dict[str, Facts] = {}
    if len(there.classes) != len(here.classes) and there.classes and here.classes:
        changed["classes"] = replace(there, classes=here.classes)
    if there.shape.channels != here.shape.channels:
        changed["channels"] = replace(there, shape=there.shape._replace(channels=here.shape.channels))
    if there.shape[1:] != here.shape[1:]:
        changed["resolution"] = replace(there, shape=here.shape._replace(channels=there.shape.channels))
    for key in _changed(there, here):
        update = {key: getattr(here.settings, key)}
        classes = here.classes if key == "conditioning" else there.classes
        changed[f"model.{key}"] = replace(there, settings=there.settings.model_copy(update=update), classes=classes)
    found: dict[str, Shapes] = {}
    for fact, facts in changed.items():
        try:
            found[fact] = _shapes(build, facts)
        except (ConfigError, ValueError, RuntimeError):
            found[fact] = {}  # not to be had alone
    return found


def _changed(there: Facts, here: Facts) -> dict[str, tuple[object, object]]:
    """The model's settings that differ, with both values."""
    before, after = (dict(facts.settings) for facts in (there, here))
    return {key: (before[key], after[key]) for key in after if before[key] != after[key]}
