"""`tokenizer.json` files, by Hugging Face tokenizers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as HuggingFaceTokenizer

from ...errors import TokenizerError
from ..code_points import code_point_bytes


@dataclass(frozen=True, slots=True)
class JsonTokenizer:
    """A tokenizer read from a `tokenizer.json`."""

    name: str
    fingerprint: str
    origin: str
    tokenizer: HuggingFaceTokenizer

    def token_ends(self, text: str) -> npt.NDArray[np.int64]:
        """See `Tokenizer.token_ends`; ends lie on code points here."""
        offsets = self.tokenizer.encode(text, add_special_tokens=False).offsets
        ends = np.fromiter((end for _, end in offsets), dtype=np.int64, count=len(offsets))
        # A normaliser may reorder marks; slices must not run backwards.
        np.maximum.accumulate(ends, out=ends)
        return ends if text.isascii() else code_point_bytes(text)[ends]

    def token_ends_of(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """See `Tokenizer.token_ends_of`."""
        return [self.token_ends(text) for text in texts]


def load(name: str, place: str) -> JsonTokenizer:
    """Loads a `tokenizer.json`, made to read every text as ordinary text."""
    try:
        data = Path(place).read_bytes()
        tokenizer = HuggingFaceTokenizer.from_buffer(data)
    except Exception as error:  # the library raises bare Exception on a malformed file
        raise TokenizerError(
            f"{place} is not a tokenizer.json that can be read: {error}"
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    # A post-processor adds special tokens and trims white space off the offsets.
    tokenizer.post_processor = None
    library = f"tokenizers {version('tokenizers')}, {place}"
    return JsonTokenizer(name, hashlib.sha256(data).hexdigest(), library, tokenizer)
