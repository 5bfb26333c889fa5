"""An evaluation: a function with an identity, under which its results are found again.

Its uid is 128 bits of (name, version, context_key, seed, class and fields of the configuration, without defaults and
exclusions); the results under one uid are a *result set*. The random stream of a point comes from its identity, not
from the order of evaluation: ``SeedSequence(entropy=seed, spawn_key=(high, low, 0))`` with the two 64-bit halves of the
uid of the point, so that a retry, a resumed run and any number of workers give the same value.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np

from adaptive_calib.learner.coroutines import is_coroutine_function
from adaptive_calib.store.artifacts import artifact_folder
from adaptive_calib.store.errors import NotCanonicalError, StoreError
from adaptive_calib.store.identity.canonical import (
    PointUids,
    canonical_text,
    fields_text,
    guard_fields,
    refuse_unknown,
)
from adaptive_calib.store.identity.dependencies import dependencies
from adaptive_calib.store.identity.facts import config_facts
from adaptive_calib.store.identity.function_digest import code_digest, describe, identify
from adaptive_calib.store.identity.replicates import Replicate, replicate_seed, set_and_number
from adaptive_calib.store.identity.result_set_info import CONFIG_CLASS, ResultSetInfo, joined_digests
from adaptive_calib.store.rows import Key
from adaptive_calib.store.subresults import remembered

__all__ = ["Context", "Evaluation"]

OnCodeChange = Literal["warn", "error", "ignore"]


class Context:
    """The argument ``ctx`` of a function that declares it.

    Parameters
    ----------
    evaluation : Evaluation
        Whose function is called.
    point_uid : str
        The uid of the point, 32 hexadecimal digits.
    split, replicate
        As below.

    Attributes
    ----------
    config
        The evaluation's configuration; a mapping is given read-only.
    context
        The object given as `context=`, loaded once per worker.
    split, replicate
        Of the point, where the learner's points have them; ``""`` and 0 otherwise.

    Examples
    --------
    >>> from adaptive_calib.store import Evaluation
    >>> def f(x, *, ctx):
    ...     return x * ctx.config["scale"] + ctx.context
    >>> Evaluation(f, name="docs.f", config={"scale": 2.0}, context=1.0)(3.0)
    7.0
    """

    def __init__(self, evaluation: Evaluation, point_uid: str, split: str = "", replicate: int = 0) -> None:
        config = evaluation.config
        self.config = MappingProxyType(config) if isinstance(config, dict) else config
        self.context = evaluation.context
        self.split = split
        self.replicate = replicate
        self._space = evaluation.uid
        self._point = point_uid
        self._place = evaluation.place

    def memo(self, key: Any, function: Callable[..., Any], *args: Any) -> Any:
        """Return ``function(*args)``, computed once for each `key` (a plain value) of this result set.

        It is kept in the worker, and, if the run has a store with a folder that the worker sees, in that folder for
        other workers and later runs. Two workers may compute one key: the value must be a function of the key.
        """
        uid = PointUids(self._space)(("memo", key))
        return remembered(self._place, self._space, key, uid, function, args)

    def artifact_dir(self) -> Path:
        """Return a folder of this evaluation alone, beside the store; it is made when first asked for.

        Raises
        ------
        RuntimeError
            If the run has no store with a folder.
        """
        if self._place is None:
            raise RuntimeError("artifact_dir() needs a run with a store in a file; give the runner store='results.db'.")
        folder = artifact_folder(self._place, Key(self._space, self._point, self.split, self.replicate))
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Evaluation:
    """A function with an identity. A learner takes it as its function.

    Parameters
    ----------
    function : callable
        ``f(point)``, ``f(point, *, rng)``, ``f(point, *, ctx)`` or both; only the keywords that it declares are
        passed. May be a coroutine function.
    name : str
        Identity of the function; default its module and qualified name. Required where these say nothing: functions
        of ``__main__`` and notebooks, lambdas, partials.
    config : dataclass, mapping or pydantic model
        What the results depend on besides the point. A copy is kept, given to the function as ``ctx.config``.
    version : str
        To be changed by hand when the code changes what the results mean.
    exclude : sequence of str
        Fields of `config` without effect on results, like a number of threads; dotted when nested.
    seed : int
        Root of the streams given as ``rng``; None if the function draws nothing.
    context
        An object for ``ctx.context`` that travels once to each worker; not part of the identity.
    context_key : str
        Names the context in the identity, if other contexts give other results.
    point_key : callable
        ``point_key(point)`` is a plain value that stands for a point without a canonical form.
    on_code_change : {"warn", "error", "ignore"}
        Reaction on opening a store whose results were computed by other code, or from other data that the code names.

    Raises
    ------
    NotCanonicalError
        If a field of `config` has no canonical form; the message names it.

    Examples
    --------
    >>> from adaptive_calib.store import Evaluation
    >>> def noisy(x, *, rng, ctx):
    ...     return x + ctx.config["sigma"] * rng.normal()
    >>> evaluation = Evaluation(noisy, name="docs.noisy", config={"sigma": 0.1}, seed=1)
    >>> evaluation(0.5) == evaluation(0.5)  # the point is its own seed
    True
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        config: Any = None,
        version: str = "1",
        exclude: Sequence[str] = (),
        seed: int | None = None,
        context: Any = None,
        context_key: str | None = None,
        point_key: Callable[[Any], Any] | None = None,
        on_code_change: OnCodeChange = "warn",
    ) -> None:
        if not callable(function):
            raise TypeError(f"`function` should be callable, but is {function!r}.")
        _check_on_code_change(on_code_change)
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
            raise ValueError(f"`seed` should be an integer >= 0 or None, but is {seed!r}.")
        self._function = function
        self._name = name if name is not None else _default_name(function)
        self._config = _copied(config)
        self._version = str(version)
        self._exclude = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        self._seed = None if seed is None else int(seed)
        self._context = context
        self._context_key = context_key
        self._point_key = point_key
        self._on_code_change: OnCodeChange = on_code_change
        self._keywords = _declared(function)
        if "rng" in self._keywords and self._seed is None:
            raise TypeError(f"{self._name} declares `rng`, but has no `seed` to derive it from; give seed=.")
        self._code = code_digest(function)
        self._fallback: Any = None
        self._place: Path | None = None
        self._describe_itself()

    @classmethod
    def of(cls, function: Callable[..., Any], *, on_code_change: OnCodeChange | None = None) -> Evaluation:
        """Return the evaluation that a runner makes of a plain callable: its name and its code are the identity.

        For a frozen dataclass with ``__call__`` that is the class and its fields, and the code is only compared. An
        `Evaluation` is returned as it is, with another `on_code_change` if one is given.

        Examples
        --------
        >>> from adaptive_calib.store import Evaluation
        >>> Evaluation.of(abs, on_code_change="ignore").on_code_change
        'ignore'
        """
        if on_code_change is not None:
            _check_on_code_change(on_code_change)
        if isinstance(function, Evaluation):
            return function if on_code_change is None else function.replace(on_code_change=on_code_change)
        found = identify(function)
        self = cls.__new__(cls)
        self._function, self._name, self._config = function, found.name, found.config
        self._version = "1" if found.is_value else f"code-{found.code}"
        self._exclude, self._seed, self._context, self._context_key = (), None, None, None
        self._point_key, self._on_code_change, self._keywords = None, on_code_change or "warn", frozenset()
        self._code, self._fallback, self._place = found.code, describe, None
        self._describe_itself()
        return self

    def _describe_itself(self) -> None:
        refuse_unknown(self._exclude, self._config)
        self._info = self._described()
        self._point_uids: PointUids | None = None

    def _described(self) -> ResultSetInfo:
        options = () if self._fallback is None else (self._fallback,)
        try:
            return ResultSetInfo.make(
                name=self._name,
                version=self._version,
                context_key=self._context_key,
                seed=self._seed,
                config=fields_text(self._config, self._exclude, "config", *options),
                full_config=guard_fields(self._config, self._exclude, "config", *options),
                facts=self._facts(),
                code_digest=self._code,
            )
        except RecursionError as error:
            raise NotCanonicalError("the configuration contains itself, so it has no canonical form.") from error

    def _facts(self) -> dict[str, str]:
        found = config_facts(self._config, self._exclude)
        # where the function is the configuration (a callable dataclass), its name is that of the class
        if self._config is not None and not isinstance(self._config, Mapping) and self._fallback is None:
            found[CONFIG_CLASS] = canonical_text(type(self._config).__qualname__)
        return found

    def refuse_changed_config(self) -> None:
        """Raise unless the configuration is still the one that the uid was made of.

        Raises
        ------
        StoreError
            If it was changed in place.
        """
        if self._described().uid != self.uid:
            raise StoreError(
                f"the configuration of {self.name} was changed after its identity had been made, so results would be "
                "kept under the identity of another one. Make a new one with evaluation.replace(field=value), and do "
                "not change ctx.config in the function."
            )

    def under(self, info: ResultSetInfo) -> Self:
        """Return this evaluation under a stored identity: its points have the uids, and so the seeds, that they had."""
        other = copy.copy(self)
        other._info = info
        other._point_uids = None
        return other

    def current_code(self, *points: Any) -> str:
        """Return the digests of the code and data that results depend on now; see `joined_digests`.

        Parameters
        ----------
        points
            Points whose classes count as well.
        """
        return joined_digests(self._code, dependencies(self._function, self._config, *points))

    # ------------------------------------------------------------------------------------------------ what it is

    @property
    def function(self) -> Callable[..., Any]:
        """The user's function."""
        return self._function

    @property
    def name(self) -> str:
        """Name of the function in its identity."""
        return self._name

    @property
    def config(self) -> Any:
        """The copy of the configuration that was made at construction."""
        return self._config

    @property
    def config_items(self) -> dict[str, Any]:
        """The fields of the configuration by name, whatever its class; for people: no identity is made of it."""
        if self._config is None:
            return {}
        if isinstance(self._config, Mapping):
            return dict(self._config)
        return {name: getattr(self._config, name) for name in _field_names(type(self._config))}

    @property
    def version(self) -> str:
        """Version in the identity."""
        return self._version

    @property
    def seed(self) -> int | None:
        """Root seed, or None."""
        return self._seed

    @property
    def context(self) -> Any:
        """The object given as ``ctx.context``."""
        return self._context

    @property
    def point_key(self) -> Callable[[Any], Any] | None:
        """The function from a point to a plain value that stands for it."""
        return self._point_key

    @property
    def on_code_change(self) -> OnCodeChange:
        """The reaction to stored results of other code."""
        return self._on_code_change

    @property
    def uid(self) -> str:
        """Uid of the result set: 32 hexadecimal digits."""
        return self._info.uid

    @property
    def info(self) -> ResultSetInfo:
        """The identity as a store keeps it."""
        return self._info

    @property
    def place(self) -> Path | None:
        """Folder for sub-results and artifacts; None before a store is open."""
        return self._place

    @property
    def is_coroutine(self) -> bool:
        """Whether calling it gives a coroutine."""
        return is_coroutine_function(self._function)

    def point_uid(self, point: Any) -> str:
        """Return the uid of a point in this result set: 32 hexadecimal digits.

        Raises
        ------
        NotCanonicalError
            If the point has no canonical form and no `point_key` was given.
        """
        return self._uids(point)

    def point_text(self, point: Any) -> str:
        """Return the canonical text of a point, of which its uid is made; of what `point_key` makes of it, if given."""
        return self._uids.text(point)

    @property
    def _uids(self) -> PointUids:
        if self._point_uids is None:
            self._point_uids = PointUids(self.uid, self._point_key)
        return self._point_uids

    def replace(self, **fields: Any) -> Self:
        """Return another evaluation: fields of the configuration, or arguments of this class, replaced.

        A name that is both means the field of the configuration.
        """
        config = self._config
        own = {k: v for k, v in fields.items() if _has_field(config, k)}
        if isinstance(config, Mapping):
            config = {**config, **own}
        elif own and hasattr(config, "model_copy"):
            config = type(config)(**{**config.model_dump(), **own})
        elif own:
            config = dataclasses.replace(config, **own)
        arguments = {
            "name": self._name, "config": config, "version": self._version, "exclude": self._exclude,
            "seed": self._seed, "context": self._context, "context_key": self._context_key,
            "point_key": self._point_key, "on_code_change": self._on_code_change,
        }  # fmt: skip
        rest = {k: v for k, v in fields.items() if k not in own}
        unknown = sorted(set(rest) - set(arguments))
        if unknown:
            raise TypeError(f"{unknown} are neither fields of the configuration nor arguments of Evaluation.")
        return type(self)(self._function, **{**arguments, **rest})

    def attach(self, place: Path | None) -> None:
        """Set the folder for sub-results and artifacts; called before the run begins."""
        self._place = place

    def __repr__(self) -> str:
        return f"<Evaluation {self._info.slug}>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_point_uids": None}  # hash objects do not pickle

    # ------------------------------------------------------------------------------------------------ calling it

    def __call__(self, point: Any) -> Any:
        """Evaluate a point; of a coroutine function, return the coroutine."""
        if not self._keywords:
            return self._function(point)
        keywords: dict[str, Any] = {}
        if "rng" in self._keywords:
            keywords["rng"] = np.random.default_rng(self.point_seed(point))
        if "ctx" in self._keywords:
            keywords["ctx"] = Context(self, self.point_uid(point), *set_and_number(point))
        return self._function(point, **keywords)

    def point_seed(self, point: Any) -> np.random.SeedSequence:
        """Return the seed sequence of a point, of which ``rng`` is made; of a `Replicate`, that of its number."""
        if isinstance(point, Replicate):
            return replicate_seed(self._seed, point)
        uid = self.point_uid(point)
        return np.random.SeedSequence(entropy=self._seed, spawn_key=(int(uid[:16], 16), int(uid[16:], 16), 0))


def _has_field(config: Any, name: str) -> bool:
    if isinstance(config, Mapping):
        return name in config
    if dataclasses.is_dataclass(config):
        return any(f.name == name and f.init for f in dataclasses.fields(config))
    return name in getattr(type(config), "model_fields", ())


def _field_names(kind: type) -> tuple[str, ...]:
    """Return the fields of a dataclass, but those that are not to be shown, or of a pydantic model."""
    if dataclasses.is_dataclass(kind):
        return tuple(f.name for f in dataclasses.fields(kind) if f.repr)
    return tuple(getattr(kind, "model_fields", ()))


def _copied(config: Any) -> Any:
    # what a user changes later must not change what was identified
    return dict(copy.deepcopy(dict(config))) if isinstance(config, Mapping) else copy.deepcopy(config)


def _check_on_code_change(value: str) -> None:
    if value not in ("warn", "error", "ignore"):
        raise ValueError(f'`on_code_change` should be "warn", "error" or "ignore", but is {value!r}.')


def _default_name(function: Callable[..., Any]) -> str:
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if name is None and dataclasses.is_dataclass(function):
        module, name = type(function).__module__, type(function).__qualname__
    if not module or not name or module == "__main__" or re.search(r"<(lambda|locals)>", name):
        what = f"{module}.{name}" if name else repr(function)
        raise ValueError(
            f"{what} does not say by its name what it computes, and another session may have another function of that "
            'name; give Evaluation(function, name="project.function").'
        )
    return f"{module}.{name}"


def _declared(function: Callable[..., Any]) -> frozenset[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built-ins without a signature declare nothing
        return frozenset()
    return frozenset(
        p.name for p in parameters if p.name in ("rng", "ctx") and p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    )
