"""The two halves of a GAN iteration (Goodfellow 2014, algorithm 1).

The discriminator steps first. The fakes it saw in its last sub-step, with the graph that made them, feed the
generator's step: no second forward of the generator. (With ``microbatch_size`` they are drawn again, because
keeping every microbatch's graph would cost the memory that microbatches are there to save.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from gantool import distributed
from gantool.augment import AnyAugmentation
from gantool.config import ExperimentConfig
from gantool.images import to_unit_range
from gantool.models.base import Judgement
from gantool.nn.memory import Memory
from gantool.optimizers import AnyOptimizer
from gantool.penalties import GeneratorPenalty, ImagePenalty, LogitPenalty, Penalty
from gantool.schedules import value_at
from gantool.training import phases
from gantool.training.additions import augmentation_key, due_penalties, penalty_key, steer_augmentations
from gantool.training.batches import Batch
from gantool.training.draws import Draws
from gantool.training.freezing import rate_factor
from gantool.training.phases import phase
from gantool.training.state import TrainingState, layout

Forward = Callable[[Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Fakes:
    """What the discriminator's last sub-step leaves for the generator's step."""

    batch: Batch
    draws: Draws
    images: Tensor | None
    """The fakes with the generator's graph; None where the step has to make them again."""


class Steps:
    """Both steps of one config over one state."""

    def __init__(
        self,
        config: ExperimentConfig,
        state: TrainingState,
        device: torch.device,
        precision: torch.dtype,
        compiled: Callable[[nn.Module], Forward] | None = None,
    ) -> None:
        self._config = config
        self._state = state
        self._device = device
        self._precision = precision
        wrap = compiled or (lambda network: network)
        self._generate: Forward = wrap(state.generator)
        self._discriminate: Forward = wrap(state.discriminator)
        share = config.training.batch_size // distributed.world_size()
        self._microbatch = config.training.microbatch_size or share
        self._chunks = share // self._microbatch
        self._records_graphs = config.training.compile and config.training.compile_mode != "default"
        self.gradient_norms: dict[str, Tensor] = {}
        """The norms of the last step's gradients, on the device; scaled ones under float16."""

    def draws_at(self, images_seen: int) -> Draws:
        """The draws of the step that starts at ``images_seen``."""
        return Draws(
            self._config.seed, images_seen, self._state.attempt, self._config.training.batch_size, self._device
        )

    def discriminator_step(self, batch: Batch, draws: Draws, *, last: bool) -> Fakes:
        """One update of D on ``batch``. ``last`` marks the sub-step whose fakes the generator's step uses."""
        state, config = self._state, self._config
        if self._records_graphs:  # what the last iteration's graphs made may be written over from here on
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        self._set_rates(config.optimizer.discriminator, state.discriminator_optimizer, draws.images_seen)
        state.discriminator_optimizer.zero_grad(set_to_none=True)
        latents = draws.latents("latent", state.generator.latent_dim)
        real_parameters = self._augmentation(draws, "real", real=True)
        fake_parameters = self._augmentation(draws, "fake", real=False)
        due = list(due_penalties(config, ImagePenalty, draws.images_seen))
        reuse = last and self._chunks == 1
        made: Tensor | None = None
        for rows in self._microbatches():
            real = self._pictures(batch.pixels[rows])
            labels = _rows(batch.labels, rows)
            with phase(phases.GENERATOR), torch.set_grad_enabled(reuse), self._autocast():
                made = self._generate(latents[rows], labels)
            fake = made.detach()
            changes_to_real, changes_to_fake = _each(real_parameters, rows), _each(fake_parameters, rows)
            with self._autocast():
                real_logits, own = self._judge(real, labels, changes_to_real, real=True)
                fake_logits = self._critic(fake, labels, changes_to_fake)
            loss = config.loss.discriminator_scale * config.loss.discriminator(real_logits, fake_logits)
            measured = {"loss_discriminator": loss, **self._accuracy(real_logits, fake_logits)}
            added = self._additions(real_logits, fake_logits, own, measured, draws)
            self._backward(sum(added, start=loss), "discriminator")
            for penalty in due:
                # What changes the data set is part of the data; what both are shown is part of the critic.
                shown = _apply([change for change in changes_to_real if change[0].reals_only], real)
                critic = partial(self._plain_critic, labels=labels, changes=changes_to_fake)
                measured[penalty_key(penalty)] = self._penalise(penalty, critic, shown, fake, draws, rows)
            state.meters.add(measured)
        self._update(state.discriminator, state.discriminator_optimizer, "discriminator")
        if said := steer_augmentations(config, state.memories, draws.images_seen):
            state.meters.add(said)
        return Fakes(batch, draws, made if reuse else None)

    def generator_step(self, fakes: Fakes) -> None:
        """One update of G against the updated D, whose own parameters ask for no gradients meanwhile."""
        state, config, draws = self._state, self._config, fakes.draws
        self._set_rates(config.optimizer.generator, state.generator_optimizer, draws.images_seen)
        state.generator_optimizer.zero_grad(set_to_none=True)
        fake_parameters = self._augmentation(draws, "generator-fake", real=False)
        real_parameters = self._augmentation(draws, "generator-real", real=True) if config.loss.needs_both else []
        with _frozen(state.discriminator):
            for rows in self._microbatches():
                labels = _rows(fakes.batch.labels, rows)
                made = fakes.images
                with self._autocast():
                    if made is None:
                        made = self._generate(draws.latents("latent", state.generator.latent_dim)[rows], labels)
                    real_logits = None
                    if config.loss.needs_both:
                        real = self._pictures(fakes.batch.pixels[rows])
                        real_logits = self._critic(real, labels, _each(real_parameters, rows))
                    fake_logits, own = self._judge(made, labels, _each(fake_parameters, rows), real=False)
                loss = config.loss.generator(fake_logits, real_logits)
                measured = {"loss_generator": loss, **{f"loss_{name}_of_fakes": own[name] for name in own}}
                self._backward(sum(own.values(), start=loss), "generator")
                for penalty in due_penalties(config, GeneratorPenalty, draws.images_seen):
                    measured[penalty_key(penalty)] = self._penalise_generator(penalty, labels, draws, rows)
                state.meters.add(measured)
        self._update(state.generator, state.generator_optimizer, "generator")

    def _set_rates(self, settings: AnyOptimizer, optimizer: torch.optim.Optimizer, images_seen: int) -> None:
        settings.set_to(optimizer, images_seen, rate_factor(self._config, images_seen))

    def _critic(self, images: Tensor, labels: Tensor | None, changes: list[tuple[AnyAugmentation, Tensor]]) -> Tensor:
        return self._discriminate(_apply(changes, images), labels)

    def _judge(
        self,
        images: Tensor,
        labels: Tensor | None,
        changes: list[tuple[AnyAugmentation, Tensor]],
        *,
        real: bool,
    ) -> Judgement:
        """The critic's logits, with the losses that the discriminator has of its own (which are not compiled)."""
        network = self._state.discriminator
        if network.losses_of_reals if real else network.losses_of_fakes:
            return network.judge(_apply(changes, images), labels, real=real)
        return Judgement(self._critic(images, labels, changes), {})

    def _pictures(self, pixels: Tensor) -> Tensor:
        """uint8 N×H×W×C → what the discriminator is shown, laid out as its weights are."""
        return to_unit_range(pixels).contiguous(memory_format=layout(self._config))

    def _additions(
        self, real: Tensor, fake: Tensor, own: dict[str, Tensor], measured: dict[str, Tensor], draws: Draws
    ) -> list[Tensor]:
        """What is added to the discriminator's loss without another forward pass; it is ``measured`` too."""
        memories = self._state.memories
        for position, augmentation in enumerate(self._config.augment):
            augmentation.observe(real.detach() - self._config.loss.boundary, self._memory_of(position))
        added = [*own.values()]
        measured |= {f"loss_{name}": value for name, value in own.items()}
        for penalty in due_penalties(self._config, LogitPenalty, draws.images_seen):
            value = penalty.value(real, fake, memories.get(penalty_key(penalty), {}))
            measured[penalty_key(penalty)] = value
            added.append(_weight(penalty, draws) * value)
        return added

    def _plain_critic(
        self, images: Tensor, labels: Tensor | None, changes: list[tuple[AnyAugmentation, Tensor]]
    ) -> Tensor:
        """The critic that penalties differentiate twice, which torch.compile's networks cannot be."""
        logits: Tensor = self._state.discriminator(_apply(changes, images), labels)
        return logits

    def _augmentation(self, draws: Draws, stream: str, *, real: bool) -> list[tuple[AnyAugmentation, Tensor]]:
        return [
            (augmentation, draws.augmentation(augmentation, f"augment-{stream}-{position}", self._memory_of(position)))
            for position, augmentation in enumerate(self._config.augment)
            if real or not augmentation.reals_only
        ]

    def _memory_of(self, position: int) -> Memory:
        return self._state.memories.get(augmentation_key(position), {})

    def _penalise(
        self,
        penalty: ImagePenalty,
        critic: Callable[[Tensor], Tensor],
        real: Tensor,
        fake: Tensor,
        draws: Draws,
        rows: slice,
    ) -> Tensor:
        drawn = draws.image_penalty(penalty)[rows]
        with phase(phases.PENALTIES):
            with self._precision_of(penalty):
                value = penalty.value(critic, real, fake, drawn)
            self._backward(_weight(penalty, draws) * value, "discriminator")
        return value

    def _penalise_generator(
        self, penalty: GeneratorPenalty, labels: Tensor | None, draws: Draws, rows: slice
    ) -> Tensor:
        network, key = self._state.generator, penalty_key(penalty)
        latents = draws.latents(f"{key}-latent", network.latent_dim)[rows]
        drawn = draws.generator_penalty(penalty, key, tuple(network.shape))[rows]
        with phase(phases.PENALTIES):
            with self._precision_of(penalty):
                value = penalty.value(network, latents, labels, drawn, self._state.memories.get(key, {}))
            self._backward(_weight(penalty, draws) * value, "generator")
        return value

    def _precision_of(self, penalty: Penalty) -> AbstractContextManager[object]:
        return self._autocast() if penalty.precision == "training" else nullcontext()

    def _backward(self, loss: Tensor, network: str) -> None:
        loss = loss / self._chunks if self._chunks > 1 else loss
        scaler = self._state.scalers.get(network)
        (loss if scaler is None else scaler.scale(loss)).backward()  # type: ignore[no-untyped-call]

    def _update(self, network: nn.Module, optimizer: torch.optim.Optimizer, name: str) -> None:
        distributed.average_gradients(network.parameters())
        norm = nn.utils.get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
        self.gradient_norms[f"gradient_norm_{name}"] = norm
        scaler = self._state.scalers.get(name)
        if scaler is None:  # (a scaler skips a step whose gradients are not finite, and tries a smaller scale)
            self._state.meters.watch(norm)
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()

    def _accuracy(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        if not self._config.loss.absolute_zero:
            return {"accuracy_paired": (real > fake).float().mean()}
        boundary = self._config.loss.boundary
        return {"accuracy_real": (real > boundary).float().mean(), "accuracy_fake": (fake < boundary).float().mean()}

    def _autocast(self) -> AbstractContextManager[object]:
        """A context for one forward: its cache of cast weights must not outlive an optimizer step."""
        if self._precision is torch.float32:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=self._precision)

    def _microbatches(self) -> Iterator[slice]:
        for chunk in range(self._chunks):
            yield slice(chunk * self._microbatch, (chunk + 1) * self._microbatch)


def _rows(labels: Tensor | None, rows: slice) -> Tensor | None:
    return None if labels is None else labels[rows]


def _apply(changes: list[tuple[AnyAugmentation, Tensor]], images: Tensor) -> Tensor:
    for augmentation, parameters in changes:
        images = augmentation.apply(images, parameters)
    return images


def _each(changes: list[tuple[AnyAugmentation, Tensor]], rows: slice) -> list[tuple[AnyAugmentation, Tensor]]:
    return [(augmentation, parameters[rows]) for augmentation, parameters in changes]


def _weight(penalty: Penalty, draws: Draws) -> float:
    """Lazy: what is computed every n steps counts n times (StyleGAN2, appendix B)."""
    return value_at(penalty.weight, draws.images_seen) * penalty.every_steps


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """No gradients for ``network``'s own parameters: what flows through it to its input stays."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
