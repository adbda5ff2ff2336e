"""The contenders that live in gantool's own environment: what `benchmarks.referee` starts.

    python -m benchmarks.contenders plain|step|bound|trainer|loader s1|s2|dcgan|quickstart [precision]

plain    benchmarks.baselines.plain_torch, as it is.
step     gantool's iteration on a batch that is in memory.
bound    the products of that iteration and one fused Adam, nothing else.
trainer  gantool's whole loop: data, log lines, a grid and a checkpoint at the end of every turn, which is far oftener
         than a run makes them.
loader   plain torch with a DataLoader over PNG files.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Turn = Callable[[int], float]

_OPEN = contextlib.ExitStack()
"""The process group, which lasts as long as the process."""

_DCGAN = {"name": "dcgan", "width": 64, "dropout": 0.3}
_ADAM = {"name": "adam", "learning_rate": 1e-4, "betas": [0.9, 0.999], "eps": 1e-7}
WORKS: dict[str, tuple[dict[str, Any], int, tuple[int, int, int]]] = {
    "s1": (_DCGAN, 256, (1, 28, 28)),
    "s2": ({"name": "mlp"}, 128, (1, 28, 28)),
    "dcgan": (_DCGAN, 64, (3, 64, 64)),
}
"""Model, batch, and shape of a picture."""


def main() -> None:
    """Serve turns."""
    role, work, *more = sys.argv[1:]
    turn = _counted(_plain(role, work)) if role in {"plain", "loader"} else _gantool(role, work, *more)
    for line in sys.stdin:
        print(turn(int(line)), flush=True)
    _OPEN.close()


def _plain(role: str, work: str) -> Callable[[], None]:
    from benchmarks.baselines import plain_torch

    if role == "loader":
        return plain_torch.whole(_png_folder())
    step: Callable[[], None] = getattr(plain_torch, work)()
    return step


def _gantool(role: str, work: str, precision: str = "auto") -> Turn:
    import torch

    from gantool.bench.trial import Trial
    from gantool.data import PreparedSet
    from gantool.distributed import process_group

    config = _config(work, precision)
    dataset = PreparedSet.open(_prepared(config.data))
    if role == "trainer":
        return _trainer(config, dataset)
    _OPEN.enter_context(process_group(torch.device("cpu")))  # before anything asks how many processes share a batch
    trial = Trial(config, dataset, "cpu", print)
    # One batch that is in memory, over and over: the steps alone.
    batch = trial._batches.at(0)
    trial._batches.at = lambda images_seen: batch  # type: ignore[method-assign]
    return trial.run if role == "step" else _counted(trial.products()[0])


def _trainer(config: Any, dataset: Any) -> Turn:
    """Every turn continues the same run by so many iterations, through the real loop."""
    from gantool.bench.trial import Trial
    from gantool.rundir import RunFolder
    from gantool.training.display import Plain
    from gantool.training.evaluation import Evaluation
    from gantool.training.grid import SampleGrid
    from gantool.training.keeper import Keeper
    from gantool.training.loop import Outputs, train_until_done
    from gantool.training.recorder import Recorder
    from gantool.training.signals import StopFlag

    trial = Trial(config, dataset, "cpu", print)
    trial.take_over()
    run = RunFolder(Path(tempfile.mkdtemp()) / "run")
    run.create()
    outputs = Outputs(
        Recorder(run, lines=0, images_seen=0),
        Keeper(run, config, {}, print),
        SampleGrid(run, config.samples, ()),
        Evaluation(run, config, dataset, trial.machine.device, stopped=lambda: False, say=print),
        Plain(config.training.total_images),
    )

    def turn(iterations: int) -> float:
        until = trial.state.images_seen + iterations * config.training.batch_size
        further = config.model_copy(update={"training": config.training.model_copy(update={"total_images": until})})
        started = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):  # the answers go to stdout
            train_until_done(further, trial.state, trial.steps, trial._batches, outputs, StopFlag())
        return time.perf_counter() - started

    return turn


def _config(work: str, precision: str) -> Any:
    from gantool.config import find_config, from_dict, load_config

    if work not in WORKS:
        return load_config(find_config(work), [f"training.precision={precision}"])
    model, batch, (channels, height, _) = WORKS[work]
    return from_dict(
        {
            "name": work,
            "data": {"source": "embedded", "resolution": height, "channels": "grey" if channels == 1 else "rgb"},
            "model": model,
            "loss": {"name": "non_saturating"},
            "optimizer": {"generator": _ADAM, "discriminator": _ADAM},
            "training": {
                "total_images": 10**9,
                "batch_size": batch,
                "precision": precision,
                "ema_half_life": 0,
            },
            "log": {"every": 100 * batch},
            "samples": {"every": 10**9, "rows": 4, "columns": 4},
            "checkpoints": {"every": 10**9},
        },
        file=work,
    )


def prepared_config(
    *, batch: int = 64, resolution: int = 28, width: int = 64, source: str = "", precision: str = "auto"
) -> Any:
    """The dcgan of S1 with another batch, side or width; on an idx folder where ``source`` names one."""
    from gantool.config import parse_config

    data = (
        f"{{source: idx, path: {source}, holdout: 0.01}}"
        if source
        else f"{{source: embedded, resolution: {resolution}}}"
    )
    changes = [f"training.batch_size={batch}", f"model.width={width}", f"data={data}"]
    return parse_config(_config("s1", precision).to_yaml(), file="s1", overrides=changes)


def _prepared(data: Any) -> Path:
    from gantool.data import prepare

    return prepare(data, seed=0)


def _png_folder() -> Path:
    """The embedded pictures as a person has them: one PNG each, a folder for each class."""
    from PIL import Image

    from gantool.config import find_config, load_config
    from gantool.data import PreparedSet

    folder = Path(tempfile.gettempdir()) / "gantool-benchmark-pictures"
    if not (folder / "complete").exists():
        dataset = PreparedSet.open(_prepared(load_config(find_config("quickstart")).data))
        indices = dataset.indices("train")
        labels = dataset.read_labels(indices)
        if labels is None:
            raise SystemExit("quickstart's pictures have no classes")
        for index, pixels, label in zip(indices, dataset.read(indices), labels, strict=True):
            (folder / str(label)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[:, :, 0]).save(folder / str(label) / f"{index}.png")
        (folder / "complete").touch()
    return folder


def _counted(step: Callable[[], None]) -> Turn:
    def turn(iterations: int) -> float:
        started = time.perf_counter()
        for _ in range(iterations):
            step()
        return time.perf_counter() - started

    return turn


if __name__ == "__main__":
    main()
