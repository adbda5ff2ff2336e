"""One process with the whole batch against two with half each: gradients of step 1, weights after 20 SGD steps."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

STEPS = 20


def compare() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(what one process computes, what rank 0 of two computes)."""
    import subprocess

    with tempfile.TemporaryDirectory() as folder:
        results = []
        for world in (1, 2):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = str(probe.getsockname()[1])
            result = Path(folder) / f"{world}.safetensors"
            ranks = [
                subprocess.Popen(
                    [sys.executable, "-m", "tests.training.two_ranks", str(result)],
                    env={**os.environ, "RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_RANK": str(rank),
                         "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port},
                )
                for rank in range(world)
            ]  # fmt: skip
            assert [rank.wait(240) for rank in ranks] == [0] * world
            results.append({name: tensor.clone() for name, tensor in load_file(result).items()})
    return results[0], results[1]


def compute(result: Path) -> None:
    """One rank's part: the real steps, with plain SGD in Adam's place (Adam's division amplifies rounding)."""
    from gantool import distributed
    from gantool.data import PreparedSet, prepare
    from gantool.training.batches import RealBatches
    from gantool.training.state import build_state
    from gantool.training.steps import Steps
    from tests.training.helpers import tiny

    cpu = torch.device("cpu")
    config = tiny(
        "model={name: dcgan, latent_dim: 8, width: 8, dropout: 0.0, conditioning: class}",
        "penalties=[{name: r1, weight: 0.2, every_steps: 2}, {name: lecam}]",
        "augment=[{name: mirror}, {name: ada, target: null, probability: 0.3}]",
        "training.sync_batch_norm=true",
    )
    dataset = PreparedSet.open(prepare(config.data, seed=config.seed))
    found: dict[str, Tensor] = {}
    with distributed.process_group(cpu):
        state = build_state(config, dataset.shape, len(dataset.classes), cpu, torch.float32)
        networks = {"generator": state.generator, "discriminator": state.discriminator}
        state.generator_optimizer = torch.optim.SGD(state.generator.parameters(), lr=0.05)
        state.discriminator_optimizer = torch.optim.SGD(state.discriminator.parameters(), lr=0.05)
        object.__setattr__(config.optimizer.generator, "learning_rate", 0.05)
        object.__setattr__(config.optimizer.discriminator, "learning_rate", 0.05)
        steps = Steps(config, state, cpu, torch.float32)
        size = config.training.batch_size
        with RealBatches(dataset, seed=config.seed, batch_size=size, device=cpu, labelled=True) as batches:
            for step in range(STEPS):
                draws = steps.draws_at(state.images_seen)
                with draws.installed():
                    steps.generator_step(steps.discriminator_step(batches.at(state.images_seen), draws, last=True))
                state.images_seen += size
                if step == 0:
                    for kind, network in networks.items():
                        for name, parameter in network.named_parameters():
                            assert parameter.grad is not None
                            found[f"gradient.{kind}.{name}"] = parameter.grad.detach().clone().contiguous()
        for kind, network in networks.items():
            for name, tensor in network.state_dict().items():
                found[f"weight.{kind}.{name}"] = tensor.detach().clone().contiguous()
        if distributed.rank() == 0:
            save_file(found, result)


if __name__ == "__main__":
    torch.set_num_threads(1)
    compute(Path(sys.argv[1]))
