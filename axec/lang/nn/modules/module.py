"""Modules: descriptions of layers. A module holds sizes and options, never numbers.

    class Net(axe.nn.Module):
        def __init__(self):
            self.hidden = axe.nn.Linear(64, 128)
            self.out = axe.nn.Linear(128, 10)

        def forward(self, x):
            return self.out(axe.nn.relu(self.hidden(x)))

    net = Net()
    params = net.init(0)         # {"hidden": {"weight": [128, 64], "bias": [128]}, "out": ...}
    scores = net(params, x)      # a pure function

`init` gives NumPy arrays in nested dicts, whose paths are the names of torch's `state_dict`. A call
binds them: inside `forward`, `self.hidden` is the layer with its parameters.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from axec.lang.arrays.core import ArrayLike, as_tensor
from axec.lang.arrays.tensor import Tensor
from axec.lang.errors import did_you_mean, error

__all__ = ["Lambda", "Module", "ModuleList", "Sequential"]

Array = np.ndarray[Any, Any]
Tree = dict[str, Any]  # arrays under names, in dicts as deep as the modules


class _Numbers(dict[str, Any]):
    """The parameters or the state of one module in one call."""

    def __init__(self, what: str, path: str, numbers: Mapping[str, Any]) -> None:
        super().__init__(numbers)
        self.what, self.path = what, path

    def __missing__(self, name: str) -> Any:
        where = f"{self.path}.{name}" if self.path else name
        hint = did_you_mean(name, self) if self else None
        if self.what == "state" and not self:
            hint = "pass `state=model.init_state()`; a call then gives (result, new state)"
        raise error("tree-structure", f"there is no `{where}` in the {self.what}", hint=hint)


@dataclass(slots=True)
class _Call:
    """What one call of a model shares among its modules."""

    training: bool
    key: Tensor | None
    draws: int = 0


@dataclass(slots=True)
class _Scope:
    """A module's part of a call."""

    call: _Call
    params: _Numbers
    state: _Numbers
    changes: Tree = field(default_factory=dict)

    def child(self, name: str) -> _Scope:
        self.changes[name] = {}
        return _Scope(
            self.call,
            _inner(self.params, name),
            _inner(self.state, name),
            self.changes[name],
        )


def _inner(numbers: _Numbers, name: str) -> _Numbers:
    inner = numbers.get(name, {})
    path = f"{numbers.path}.{name}" if numbers.path else name
    if not isinstance(inner, Mapping):
        raise error("tree-structure", f"`{path}` of the {numbers.what} is an array, not a dict")
    return _Numbers(numbers.what, path, inner)


class _Frozen(type):
    """Classes whose instances do not change after __init__."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        vars(made)["_frozen"] = True
        return made


class Module(metaclass=_Frozen):
    """A layer or a model. Subclasses say what they compute in `forward`; attributes that are
    modules are its parts. A layer with numbers of its own gives the initial ones in `parameters`
    (trained) and `buffers` (state that a training step changes), and finds them in `forward` under
    `self.params` and `self.state`."""

    _frozen = False
    _scope: _Scope | None = None

    def parameters(self, rng: np.random.Generator, /) -> dict[str, Array]:
        """Initial values of the parameters that are not those of a part."""
        return {}

    def buffers(self) -> dict[str, Array]:
        """Initial values of the state that is not that of a part."""
        return {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The result for some inputs."""
        raise error("argument-type", f"{type(self).__name__} has no method `forward`")

    # Numbers.

    def init(self, seed: int = 0) -> Tree:
        """Initial parameters: NumPy arrays in nested dicts. Each module draws from (seed, its
        path), so that a change of one leaves the others as they were."""
        return self._collect(lambda m, path: m.parameters(_generator(seed, path)))

    def init_state(self) -> Tree:
        """Initial state of the modules that have any (batch norm's running statistics)."""
        return self._collect(lambda m, _: m.buffers())

    def _collect(self, own: Callable[[Module, str], Mapping[str, Any]], path: str = "") -> Tree:
        numbers = dict(own(self, path))
        for name, part in self.parts():
            inner = part._collect(own, f"{path}.{name}" if path else name)
            if name in numbers:
                raise error("tree-structure", f"`{name}` is both a parameter and a part")
            if inner:
                numbers[name] = inner
        return numbers

    def parts(self) -> Iterator[tuple[str, Module]]:
        """The modules among the attributes, in order, with their names."""
        return ((k, v) for k, v in vars(self).items() if isinstance(v, Module))

    # Calls.

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`model(params, x)`, see `apply`; inside a forward, `self.part(x)`."""
        return (self.apply if self._scope is None else self.forward)(*args, **kwargs)

    def apply(
        self,
        params: Tree,
        /,
        *args: Any,
        state: Tree | None = None,
        train: bool = False,
        key: ArrayLike | None = None,
        **kwargs: Any,
    ) -> Any:
        """`forward(*args, **kwargs)` with these parameters: the result, and with `state` given
        (result, new state). `train` is for layers that act differently then; `key` (axe.random) for
        those that draw numbers. Raises AxecError `tree-structure` where params or state lack a
        name."""
        call = _Call(bool(train), None if key is None else as_tensor(key))
        scope = _Scope(call, _Numbers("parameters", "", params), _Numbers("state", "", state or {}))
        result = self._bound(scope).forward(*args, **kwargs)
        return result if state is None else (result, _changed(state, scope.changes))

    def _bound(self, scope: _Scope) -> Module:
        """A copy whose parts and itself have their numbers."""
        bound: Module = object.__new__(type(self))
        vars(bound).update(vars(self), _scope=scope)
        for name, part in self.parts():
            vars(bound)[name] = part._bound(scope.child(name))
        return bound

    @property
    def params(self) -> Mapping[str, Tensor]:
        """The module's own parameters, inside a forward."""
        return self._here().params

    @property
    def state(self) -> Mapping[str, Tensor]:
        """The module's own state as the call got it, inside a forward."""
        return self._here().state

    @property
    def training(self) -> bool:
        """Whether the call has `train=True`, inside a forward."""
        return self._here().call.training

    def put(self, **values: Tensor) -> None:
        """Say the new value of own state, inside a forward."""
        self._here().changes.update(values)

    def key(self) -> Tensor:
        """A new key for random numbers, inside a forward."""
        from axec.lang.arrays import random

        call = self._here().call
        if call.key is None:
            raise error(
                "argument-type",
                f"{type(self).__name__} draws random numbers and the call has no key",
                hint="pass `key=axe.random.key(seed)`, a new one in every step",
            )
        call.draws += 1
        return random.fold_in(call.key, call.draws)

    def _here(self) -> _Scope:
        if self._scope is None:
            raise error(
                "argument-type",
                f"{type(self).__name__} holds no numbers outside a call",
                hint="`model.init(seed)` gives parameters, `model(params, x)` uses them",
            )
        return self._scope

    def replace(self, path: str, module: Any) -> Any:
        """A copy with another module at a path, as in `model.replace("blocks.0.attn", Mine())`.
        Parameters of all other parts keep their names: `axe.train.transfer` takes them over."""
        name, _, rest = path.partition(".")
        known = dict(self.parts())
        if name not in known:
            hint = did_you_mean(name, known)
            raise error("argument-name", f"{type(self).__name__} has no part `{name}`", hint=hint)
        changed = object.__new__(type(self))
        new = known[name].replace(rest, module) if rest else _module(module)
        vars(changed).update(vars(self) | {name: new})
        return changed

    # A description does not change.

    def __setattr__(self, name: str, value: Any) -> None:
        if self._frozen:
            raise error(
                "tensor-immutable",
                f"a {type(self).__name__} does not change: `{name}` cannot be assigned",
                hint="state goes through `self.put(...)` and comes back from the call",
            )
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        shown = (f"{k}={v!r}" for k, v in vars(self).items() if not k.startswith("_"))
        return f"{type(self).__name__}({', '.join(shown)})"


class ModuleList(Module):
    """Modules in a row, for a forward that walks them: `for block in self.blocks: x = block(x)`."""

    def __init__(self, modules: Any = ()) -> None:
        for i, module in enumerate(modules):
            setattr(self, str(i), _module(module))

    def __len__(self) -> int:
        return sum(1 for _ in self.parts())

    def __iter__(self) -> Iterator[Any]:
        return (part for _, part in self.parts())

    def __getitem__(self, index: int) -> Any:
        return list(self)[index]


class Sequential(ModuleList):
    """Modules, or functions of one array, one after another."""

    def __init__(self, *modules: Any) -> None:
        super().__init__(modules)

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x


class Lambda(Module):
    """A function as a module without parameters; `options` are passed on."""

    def __init__(self, fn: Callable[..., Any], /, **options: Any) -> None:
        self.fn, self.options = fn, options

    def forward(self, *args: Any) -> Any:
        return self.fn(*args, **self.options)

    def __repr__(self) -> str:
        named = [] if type(self) is not Lambda else [getattr(self.fn, "__name__", repr(self.fn))]
        shown = [*named, *(f"{k}={v!r}" for k, v in self.options.items())]
        return f"{type(self).__name__}({', '.join(shown)})"


def _module(value: Any) -> Module:
    if isinstance(value, Module):
        return value
    if callable(value) and not isinstance(value, type):
        return Lambda(value)
    raise error(
        "argument-type",
        f"{value!r} is no module",
        hint="modules are instances, `axe.nn.ReLU()`, or functions of one array, `axe.nn.relu`",
    )


def _generator(seed: int, path: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(path.encode())])


def _changed(state: Mapping[str, Any], changes: Mapping[str, Any]) -> Tree:
    """The state with its changes; what did not change is as it was."""
    changed = dict(state)
    for name, new in changes.items():
        if isinstance(new, dict):
            if name in changed:
                changed[name] = _changed(changed[name], new)
        elif name in changed:
            changed[name] = new
        else:
            raise error(
                "tree-structure", f"the state has no `{name}`", hint=did_you_mean(name, changed)
            )
    return changed
