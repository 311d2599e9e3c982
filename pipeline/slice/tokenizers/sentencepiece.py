"""sentencepiece models (`tokenizer.model` of Llama, MiniCPM and others)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sentencepiece import SentencePieceProcessor

from ...errors import TokenizerError


@dataclass(frozen=True, slots=True)
class SentencePieceTokenizer:
    """A sentencepiece model."""

    name: str
    fingerprint: str
    origin: str
    processor: SentencePieceProcessor

    def token_ends(self, text: str) -> npt.NDArray[np.int64]:
        """See `Tokenizer.token_ends`.

        Of the byte tokens that spell one code point, sentencepiece gives the
        last the whole of it and the others nothing; those end inside it.
        """
        mapping = self.processor.encode(text, return_type="offset_mapping", return_bytes=True)
        if not mapping["offsets"]:
            return np.zeros(0, dtype=np.int64)
        offsets: npt.NDArray[np.int64] = np.array(mapping["offsets"], dtype=np.int64)
        begins, ends = offsets[:, 0], offsets[:, 1]
        for token in np.flatnonzero(begins == ends):
            if self.processor.is_byte(mapping["ids"][token]):
                ends[token] += 1
        # A normaliser may spell one code point in several; slices must not run backwards.
        np.maximum.accumulate(ends, out=ends)
        return ends

    def token_ends_of(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """See `Tokenizer.token_ends_of`."""
        return [self.token_ends(text) for text in texts]


def load(name: str, place: str) -> SentencePieceTokenizer:
    """Loads a `.model` file."""
    try:
        data = Path(place).read_bytes()
        processor = SentencePieceProcessor()
        processor.LoadFromSerializedProto(data)  # refuses no bytes, as the constructor does not
    except (OSError, RuntimeError) as error:
        raise TokenizerError(
            f"{place} is not a sentencepiece model that can be read: {error}"
        ) from error
    library = f"sentencepiece {version('sentencepiece')}, {place}"
    return SentencePieceTokenizer(name, hashlib.sha256(data).hexdigest(), library, processor)
