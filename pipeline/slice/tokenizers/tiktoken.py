"""tiktoken encodings, with and without a network.

tiktoken downloads the ranks of an encoding on first use. Those of the default,
`cl100k_base`, travel with this package (compressed, as published), so that a
node without internet needs nothing. They are handed to tiktoken through its own
cache, which checks them against the sha256 that it expects.
"""

import gzip
import hashlib
import os
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tiktoken

from ...errors import TokenizerError
from .accelerator import AcceleratedTokenizer, accelerated, accelerator, probed

_RANKS_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


@dataclass(frozen=True, slots=True)
class TiktokenTokenizer:
    """A tiktoken encoding and the byte length of each of its tokens."""

    name: str
    fingerprint: str
    origin: str
    encoding: tiktoken.Encoding
    lengths: npt.NDArray[np.int64]

    def token_ends(self, text: str) -> npt.NDArray[np.int64]:
        """See `Tokenizer.token_ends`."""
        # Two thirds faster than to have numpy take the list.
        ids = np.frombuffer(array("I", self.encoding.encode_ordinary(text)), dtype=np.uint32)
        ends: npt.NDArray[np.int64] = self.lengths[ids].cumsum()
        return ends

    def token_ends_of(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """See `Tokenizer.token_ends_of`."""
        return [self.token_ends(text) for text in texts]


class Known(NamedTuple):
    """What tiktoken says of an encoding that is embedded.

    So that it need not read the ranks where another encoder does the work.

    Attributes:
        fingerprint: of its vocabulary.
        probed: a sha256 of its ids on the probe, see `accelerator`.
        highest: the highest of its ids, those of special tokens included.
    """

    fingerprint: str
    probed: str
    highest: int


KNOWN = {
    "cl100k_base": Known(
        "c336cc5d87f923c51f0d438019d6dcb816df64b35f6f6b2b3f2b649e06fac22b",
        "60d3206a4c5eb194ce2c33cd3546905c7bb5e6aa4be4d5a782e6b51d7ed22392",
        100_276,
    )
}


def load(name: str, _place: str) -> TiktokenTokenizer | AcceleratedTokenizer:
    """Loads an encoding from tiktoken's cache, else from this package, else by download."""
    if name not in tiktoken.list_encoding_names():
        raise TokenizerError(
            f"no tokenizer called {name}: neither a file or folder here nor one of tiktoken's "
            f"encodings ({', '.join(sorted(tiktoken.list_encoding_names()))})"
        )
    known = KNOWN.get(name)
    if known is not None and (encoder := accelerator(name, lambda: known.probed)):
        return accelerated(encoder, name, known.fingerprint, embedded_lengths(name, known))
    parts, where = _load(name)
    lengths, fingerprint = _vocabulary(parts)
    if known is None and (encoder := accelerator(name, lambda: probed(_encoding(name)))):
        return accelerated(encoder, name, fingerprint, lengths)
    library = f"tiktoken {version('tiktoken')}, {where}"
    return TiktokenTokenizer(name, fingerprint, library, _encoding(name), lengths)


def has_ranks(name: str) -> bool:
    """Whether the ranks of an encoding are in this package or in tiktoken's cache."""
    return name in KNOWN or _cached_ranks(name) is not None


Parts = Mapping[str, Any]
"""What an encoding is made of: `pat_str`, `mergeable_ranks`, `special_tokens`."""


def _load(name: str) -> tuple[Parts, str]:
    """What the encoding is made of, and where its ranks were found."""
    cached = _cached_ranks(name)
    ranks = _embedded_ranks(name)
    if ranks is None:
        return _parts(name), f"ranks from {cached}" if cached else "ranks as tiktoken finds them"
    # Where the cached file is another, tiktoken would remove it and ask the network.
    if cached and cached.read_bytes() == ranks:
        return _parts(name), f"ranks from {cached}"
    try:
        with _offered_to_tiktoken(name, ranks):
            return _parts(name), "ranks from this package"
    except OSError as error:
        raise TokenizerError(
            f"no room to unpack the ranks of {name} in {tempfile.gettempdir()}: {error}; set "
            "TMPDIR, or TIKTOKEN_CACHE_DIR to a folder that holds them"
        ) from error


def _embedded_ranks(name: str) -> bytes | None:
    """A line a token: its bytes in base64, a space, its id."""
    embedded = files(__package__) / "ranks" / f"{name}.tiktoken.gz"
    return gzip.decompress(embedded.read_bytes()) if embedded.is_file() else None


def embedded_lengths(name: str, known: Known) -> npt.NDArray[np.int64]:
    """The byte length of each token of an embedded encoding, whose ids count its lines."""
    ranks = np.frombuffer(_embedded_ranks(name) or b"", dtype=np.uint8)
    ends = np.flatnonzero(ranks == ord(" "))
    begins = np.concatenate(([0], np.flatnonzero(ranks == ord("\n"))[:-1] + 1))
    padding = (ranks[ends - 1] == ord("=")) + (ranks[ends - 2] == ord("=")).astype(np.int64)
    lengths = np.zeros(known.highest + 1, dtype=np.int64)
    lengths[: len(ends)] = (ends - begins) // 4 * 3 - padding
    return lengths


@lru_cache(maxsize=4)  # as tiktoken keeps encodings
def _encoding(name: str) -> tiktoken.Encoding:
    """The encoding, whose parts were loaded before."""
    return tiktoken.Encoding(**_parts(name))


@lru_cache(maxsize=4)
def _parts(name: str) -> Parts:
    constructors = tiktoken.registry.ENCODING_CONSTRUCTORS or {}  # `load` had them found
    try:
        return constructors[name]()
    except Exception as error:  # requests, OSError, ValueError: whatever a download may raise
        raise TokenizerError(
            f"tiktoken could not load {name} ({type(error).__name__}); without a network, set "
            "TIKTOKEN_CACHE_DIR to a folder that holds its ranks, or use cl100k_base"
        ) from error


def _cache_file(name: str, folder: str) -> Path:
    # tiktoken names a cached file by the sha1 of its address.
    key = hashlib.sha1(_RANKS_URL.format(name).encode(), usedforsecurity=False).hexdigest()
    return Path(folder) / key


def _cached_ranks(name: str) -> Path | None:
    """The ranks in tiktoken's own cache (the same places, in the same order), if there."""
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            folder = os.environ[variable]
            break
    else:
        folder = str(Path(tempfile.gettempdir()) / "data-gym-cache")
    if not folder:
        return None
    cached = _cache_file(name, folder)
    return cached if cached.is_file() else None


@contextmanager
def _offered_to_tiktoken(name: str, ranks: bytes) -> Iterator[None]:
    """Makes tiktoken find these ranks in its cache; it checks their sha256 itself.

    For a moment the environment of the whole process says so: load before starting threads.
    """
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    with tempfile.TemporaryDirectory() as folder:
        _cache_file(name, folder).write_bytes(ranks)
        os.environ["TIKTOKEN_CACHE_DIR"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["TIKTOKEN_CACHE_DIR"]
            else:
                os.environ["TIKTOKEN_CACHE_DIR"] = before


def _vocabulary(parts: Parts) -> tuple[npt.NDArray[np.int64], str]:
    """The byte length of each token by id, and a sha256 over all ids, tokens and the pattern."""
    ranks: dict[bytes, int] = parts["mergeable_ranks"]
    ids = np.fromiter(ranks.values(), dtype=np.int64, count=len(ranks))
    sizes = np.fromiter(map(len, ranks), dtype=np.int64, count=len(ranks))
    highest = max(ids.max(), *parts["special_tokens"].values(), 0)
    lengths = np.zeros(highest + 1, dtype=np.int64)
    lengths[ids] = sizes
    pattern: str = parts["pat_str"]
    digest = hashlib.sha256()
    for part in (pattern.encode(), ids.tobytes(), sizes.tobytes(), b"".join(ranks)):
        digest.update(b"%d:%b" % (len(part), part))
    return lengths, digest.hexdigest()
