"""Batch norm: in one process torch's, over two processes what one computes with the whole batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gantool.nn.normalisation import BatchNorm, synchronise_batch_norm

ROWS = (slice(0, 3), slice(3, 8))  # unequal shares on purpose


@pytest.mark.parametrize(("ours", "theirs", "shape"), [(6, nn.BatchNorm1d, (9, 6)), (4, nn.BatchNorm2d, (5, 4, 3, 2))])
def test_one_process_equals_torch(ours: int, theirs: type[nn.Module], shape: tuple[int, ...]) -> None:
    norm = BatchNorm(ours, eps=1e-3, momentum=0.01)
    reference = theirs(ours, eps=1e-3, momentum=0.01)
    for _ in range(3):
        features = 2 * torch.randn(shape) + 1
        torch.testing.assert_close(norm(features), reference(features))
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(norm, name), getattr(reference, name))
    torch.testing.assert_close(norm.eval()(features), reference.eval()(features))


def test_a_single_value_per_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 1 value"):
        BatchNorm(3)(torch.ones(1, 3))


def test_the_flag_alone_changes_nothing_in_one_process() -> None:
    network = nn.Sequential(BatchNorm(3), nn.Sequential(BatchNorm(3)))
    features = torch.randn(4, 3)
    before = network(features)
    synchronise_batch_norm(network)
    assert [m.synchronised for m in network.modules() if isinstance(m, BatchNorm)] == [True, True]
    assert torch.equal(network(features), before)


def whole_batch() -> Tensor:
    source = torch.Generator().manual_seed(0)
    return 3 * torch.randn(8, 4, 3, 2, generator=source, dtype=torch.float64) + 100


def measure(norm: BatchNorm, features: Tensor) -> dict[str, Tensor]:
    """The output, the first derivatives of a curved function of it, and the derivatives of their squared norm."""
    features = features.clone().requires_grad_()
    out = norm(features)
    curved = (out.sin() + out.pow(3)).sum()
    parameters = (norm.weight, norm.bias)
    first = torch.autograd.grad(curved, (features, *parameters), create_graph=True)
    second = torch.autograd.grad(first[0].square().sum(), (features, *parameters))
    names = ("features", "weight", "bias")
    return {
        "out": out.detach(),
        **{f"first.{name}": value.detach() for name, value in zip(names, first, strict=True)},
        **{f"second.{name}": value for name, value in zip(names, second, strict=True)},
        "running.mean": norm.running_mean,
        "running.var": norm.running_var,
    }


def make_norm() -> BatchNorm:
    norm = BatchNorm(4, momentum=0.2).double()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, 1.0, 1.5, -1.0]))
        norm.bias.copy_(torch.tensor([0.1, -0.2, 0.3, 0.0]))
    return norm


def run_process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    rendezvous = (Path(folder) / "rendezvous").as_uri()
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    norm = make_norm()
    synchronise_batch_norm(norm)
    measured = measure(norm, whole_batch()[ROWS[rank]])
    measured["eval"] = norm.eval()(whole_batch()[ROWS[rank]]).detach()
    save_file({name: value.contiguous() for name, value in measured.items()}, Path(folder) / f"{rank}.safetensors")
    torch.distributed.destroy_process_group()


def test_two_processes_equal_one(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(run_process, args=(str(tmp_path),), nprocs=2)
    parts = [load_file(tmp_path / f"{rank}.safetensors") for rank in range(2)]
    norm = make_norm()
    expected = measure(norm, whole_batch())
    expected["eval"] = norm.eval()(whole_batch()).detach()
    for name, value in expected.items():
        pieces = [part[name] for part in parts]
        if name in ("out", "eval") or name.endswith("features"):
            torch.testing.assert_close(torch.cat(pieces), value, msg=lambda text, at=name: f"{at}: {text}")
        elif name.startswith("running"):
            assert torch.equal(*pieces), name
            torch.testing.assert_close(pieces[0], value, msg=lambda text, at=name: f"{at}: {text}")
        else:  # each process has the gradient of its rows; the sum over processes is the whole one
            torch.testing.assert_close(pieces[0] + pieces[1], value, msg=lambda text, at=name: f"{at}: {text}")
