"""A run from a config: model, data, loss and optimiser become one compiled step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import axec as axe
from axec.artifact import Artifact
from axec.diag import AxecError
from axec.lang.entry import run_file
from axec.lang.errors import did_you_mean
from axec.train.callbacks import Callback, EarlyStopping, Progress
from axec.train.checkpoints import Checkpoints
from axec.train.config import Config, Source, keep, keys_of
from axec.train.logs import Csv, JsonLines, TensorBoard
from axec.train.loop import Run
from axec.train.supervised import Pair, Supervised

_LOSSES = (
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss",
    "kl_div", "l1_loss", "mse_loss", "nll_loss", "smooth_l1_loss",
)  # fmt: skip
_OPTIMISERS = (
    "adafactor", "adagrad", "adam", "adamw", "amsgrad", "lamb", "lion", "rmsprop", "sgd",
)  # fmt: skip
_SCHEDULES = ("constant", "cosine", "exponential", "linear", "multistep", "one_cycle", "step")
_PRECISIONS = ("float32", "bfloat16", "float16")
_LOGS: Mapping[str, Callable[[Path], Callback]] = {
    "csv": lambda folder: Csv(folder / "log.csv"),
    "jsonl": lambda folder: JsonLines(folder / "log.jsonl"),
    "tensorboard": lambda folder: TensorBoard(folder / "tensorboard"),
}


@dataclass(frozen=True, slots=True)
class Project:
    """What a config describes."""

    config: Config
    task: Supervised
    train: Pair
    test: Pair | None

    def compile(self) -> Artifact:
        """The artifact with `step`, `evaluate` and `predict`."""
        return self.task.compile(*self.train, self.config.data.batch)

    def run(self, program: Any, folder: Path) -> Run:
        """Train with the loaded artifact, or go on, in a folder with logs and checkpoints."""
        settings, data = self.config.train, self.config.data
        callbacks: list[Callback] = [Progress(), *(_LOGS[name](folder) for name in settings.log)]
        if settings.patience is not None:
            watched = settings.monitor or ("val_loss" if self.test is not None else "loss")
            callbacks.insert(0, EarlyStopping(watched, settings.patience, mode=settings.mode))
        saving = Checkpoints(
            folder, every=settings.every, keep=settings.keep, monitor=settings.monitor,
            mode=settings.mode,
        )  # fmt: skip
        return self.task.fit(
            self.train, self.test, batch=data.batch, epochs=settings.epochs,
            callbacks=[*callbacks, saving], shuffle=data.shuffle, program=program,
        )  # fmt: skip


def prepare(project: Project, folder: Path) -> Any:
    """Compile into a run's folder, beside the config; gives the loaded artifact."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise AxecError("checkpoint-write", f"cannot make {folder}: {e.strerror}") from None
    artifact = project.compile()
    keep(project.config, folder)
    artifact.save(folder / "step.axe")
    return artifact.load()


def load(config: Config) -> Project:
    """Find and check everything that a config names. AxecError `config-key`, `config-value` at its
    lines, and what the files themselves raise."""
    source = config.source
    train, test = _data(config)
    steps = max(len(train[0]) // config.data.batch, 1) * config.train.epochs
    for name in config.train.log:
        _known(name, _LOGS, source, "train.log")
    _known(config.train.mode, ("min", "max"), source, "train.mode")
    _known(config.train.precision, _PRECISIONS, source, "train.precision")
    parts = _model(config), _loss(config), _optimiser(config, steps)
    settings = config.train
    return Project(config, Supervised(*parts, settings.seed, settings.precision), train, test)


def _model(config: Config) -> Any:
    found = _named_in(config.source, config.model.source, "model.source")
    if not isinstance(found, axe.nn.Module):
        found = _called(found, (), config.model.options, config.source, "model")
    if not isinstance(found, axe.nn.Module):
        message = f"{config.model.source} gives a {type(found).__name__}, no axe.nn.Module"
        raise config.source.error("config-value", message, "model.source")
    return found


def _data(config: Config) -> tuple[Pair, Pair | None]:
    source, key = config.source, "data.source"
    if config.data.source.endswith(".npz"):
        found = _archive(source.folder / config.data.source, source)
    else:
        fn = _named_in(source, config.data.source, key)
        found = _called(fn, (), config.data.options, source, "data")
    if not isinstance(found, Mapping) or "train" not in found:
        message = f'{config.data.source} gives no {{"train": (x, y), "test": (x, y)}}'
        raise source.error("config-value", message, key)
    pairs = {name: tuple(map(np.asarray, found[name])) for name in found}
    for name, pair in pairs.items():
        if len(pair) != 2 or pair[0].shape[:1] != pair[1].shape[:1]:
            shapes = ", ".join(str(a.shape) for a in pair)
            raise source.error(
                "config-value", f"`{name}` is no (x, y) of one length: {shapes}", key
            )
    if config.data.batch < 1 or config.data.batch > len(pairs["train"][0]):
        message = f"`data.batch` is 1 to {len(pairs['train'][0])}, the examples there are"
        raise source.error("config-value", message, "data.batch")
    return pairs["train"], pairs.get("test")  # type: ignore[return-value]


def _archive(path: Path, source: Source) -> dict[str, Pair]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        found = {"train": (arrays["x"], arrays["y"])}
        test = {"test": (arrays["x_test"], arrays["y_test"])} if "x_test" in arrays else {}
        return found | test
    except (OSError, ValueError, KeyError) as e:
        reason = f"it has no {e}" if isinstance(e, KeyError) else e
        message = f"cannot read {path}: {reason}"
        raise source.error("config-value", message, "data.source") from None


def _loss(config: Config) -> Callable[[Any, Any], Any]:
    fn = getattr(axe.nn, _known(config.loss.name, _LOSSES, config.source, "loss.name"))
    _bound(fn, (None, None), config.loss.options, config.source, "loss")
    return lambda scores, y: fn(scores, y, **config.loss.options)


def _optimiser(config: Config, steps: int) -> Any:
    given, source = config.optim, config.source
    rate = _schedule(config, steps)
    fn = getattr(axe.optim, _known(given.name, _OPTIMISERS, source, "optim.name"))
    found = _called(fn, (rate,), given.options, source, "optim")
    if given.clip is not None:
        found = axe.optim.chain(axe.optim.clip_by_global_norm(given.clip), found)
    if given.accumulate > 1:
        found = axe.optim.accumulate(found, given.accumulate)
    if given.freeze:
        found = axe.optim.freeze(found, *given.freeze)
    return axe.optim.loss_scaling(found) if config.train.precision == "float16" else found


def _schedule(config: Config, steps: int) -> Any:
    given, source = config.schedule, config.source
    fn = getattr(axe.optim.schedules, _known(given.name, _SCHEDULES, source, "schedule.name"))
    takes_steps = "steps" in inspect.signature(fn).parameters
    options = {**({"steps": steps} if takes_steps else {}), **given.options}
    rate = _called(fn, (config.optim.lr,), options, source, "schedule")
    return axe.optim.schedules.warm_up(rate, given.warm_up) if given.warm_up else rate


def _known(name: str, names: Any, source: Source, key: str) -> str:
    if name not in names:
        raise source.error(
            "config-value", f"`{key}` has no {name!r}", key, did_you_mean(name, names)
        )
    return name


def _bound(
    fn: Any, args: tuple[Any, ...], options: Mapping[str, Any], source: Source, table: str
) -> None:
    """Check that a function takes these options."""
    parameters = list(inspect.signature(fn).parameters.values())[len(args) :]
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    names = [p.name for p in parameters]
    for name in options:
        if name not in names and not takes_all:
            key, hint = f"{table}.{name}", did_you_mean(name, [*names, *keys_of(table)])
            raise source.error("config-key", f"there is no key `{key}`", key, hint)
    for p in parameters:
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name not in options:
            raise source.error("config-key", f"the key `{table}.{p.name}` is missing", table)


def _called(
    fn: Any, args: tuple[Any, ...], options: Mapping[str, Any], source: Source, table: str
) -> Any:
    """`fn(*args, **options)`, its complaints at the config's line where they have no other."""
    if not callable(fn):
        message = f"a {type(fn).__name__} cannot be called"
        raise source.error("config-value", message, f"{table}.source")
    _bound(fn, args, options, source, table)
    try:
        return fn(*args, **options)
    except AxecError as e:
        e.location = e.location or source.error("config-value", "", table).location
        raise


def _named_in(source: Source, text: str, key: str) -> Any:
    """What a Python file calls NAME, by "FILE.py:NAME"."""
    path, colon, name = text.rpartition(":")
    if not colon or not name.isidentifier():
        message = f'`{key}` is "FILE.py:NAME", not {text!r}'
        raise source.error("config-value", message, key)
    names = vars(run_file(str(source.folder / path), path))
    if name not in names:
        public = [n for n in names if not n.startswith("_")]
        message = f"{path} has no `{name}`"
        raise source.error("config-value", message, key, did_you_mean(name, public))
    return names[name]
