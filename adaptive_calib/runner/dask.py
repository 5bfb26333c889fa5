"""`daskify`: a function becomes a coroutine function that is computed by a dask cluster."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Coroutine
from hashlib import blake2b
from typing import Any

import cloudpickle

__all__ = ["daskify"]


def daskify(
    client: Any, cache: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Coroutine[Any, Any, Any]]]:
    """Return a decorator that makes a function a coroutine function, computed through `client`.

    Parameters
    ----------
    client : distributed.Client
        An asynchronous one, ``Client(asynchronous=True)``.
    cache : bool
        Whether equal arguments share one computation. The futures are kept in ``f.cache``; those that fail or are
        cancelled leave it, so that the next call tries again.

    Returns
    -------
    decorator
        Of the wrapped function, ``f.cache`` is the dict of futures, or None.

    Notes
    -----
    Arguments are equal if they have the same type and content: 1, 1.0 and "1" are three arguments, and so are two
    large arrays that differ in one element.

    Examples
    --------
    >>> from adaptive_calib.utils import daskify
    >>> async def main(client):  # of Client(asynchronous=True)
    ...     @daskify(client, cache=True)
    ...     def square(x):
    ...         return x**2
    ...     return await square(3)
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        futures: dict[Any, Any] | None = {} if cache else None

        @functools.wraps(function)
        async def computed(*args: Any) -> Any:
            if futures is None:
                return await client.submit(function, *args, pure=False)
            key = _key(args)
            future = futures.get(key)
            if future is None or future.status in ("error", "cancelled", "lost"):
                future = futures[key] = client.submit(function, *args, pure=False)
            try:
                return await future
            except BaseException:
                if futures.get(key) is future:
                    del futures[key]
                raise

        computed.cache = futures  # type: ignore[attr-defined]
        return computed

    return decorate


def _key(args: tuple[Any, ...]) -> bytes:
    """Return a digest of types and contents."""
    try:
        data = pickle.dumps(args)
    except Exception:  # noqa: BLE001 - what pickle cannot take, cloudpickle may; else its error is the user's answer
        data = cloudpickle.dumps(args)
    return blake2b(data, digest_size=16).digest()
