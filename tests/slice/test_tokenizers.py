"""Tokenizers: where the tokens of a text end, and where a vocabulary comes from."""

import gzip
import hashlib
import inspect
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken_ext import openai_public

from duplexdata.pipeline.errors import TokenizerError
from duplexdata.pipeline.slice import tokenizers as ours
from duplexdata.pipeline.slice.tokenizers import Tokenizer, load_tokenizer

from ..conftest import cl100k

MINICPM = Path(__file__).parents[3] / "shared" / "tokenizers" / "minicpm-duplex"
CORPUS = [
    "The cat sat on the mat, and the dog looked at the cat.",
    "It is what it is: 3.14 is not 2.71, don't you think?",
    "你好，世界。今天天气很好，我们去公园吧。",
    "naïve café déjà vu",
] * 20
SPECIAL = ["<s>", "</s>", "<|endoftext|>", "<pad>"]

TEXTS = [
    "",
    "a",
    " ",
    "\n",
    "Hello, world! It's 3 o'clock.",
    "  two  spaces \n\n\n at the edges  ",
    "tab\tand\r\nnewline",
    "你好，世界！今天天气怎么样？",
    "👋🏽 👨\u200d👩\u200d👧 ❤️ 🏴\U000e0067\U000e0062\U000e007f",
    "e\u0301 a\u0300\u0301 か\u3099 क्षि",
    "𝒳𝔘𠀀",
    "\ufeffBOM \u200b\u2028\u0085 \x00\x1b",
    "ﷺ ﬁ Ⅷ ①",
    "日本語テキスト 한국어 العربية עברית",
    "x" * 300 + "字" * 300,
]
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u2581"), max_size=80)
texts |= st.lists(st.sampled_from([*TEXTS, *SPECIAL, "the ", "你好"]), max_size=6).map("".join)


def train_json(vocabulary: int) -> tokenizers.Tokenizer:
    """A byte-level tokenizer with everything in its file that must not touch a text's tokens."""
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=SPECIAL,
        show_progress=False,
    )
    model.train_from_iterator(CORPUS, trainer)
    model.post_processor = tokenizers.processors.Sequence(
        [
            tokenizers.processors.ByteLevel(trim_offsets=True),
            tokenizers.processors.TemplateProcessing(
                single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
            ),
        ]
    )
    model.enable_truncation(5)
    model.enable_padding(length=64, pad_id=3)
    return model


def train_sentencepiece(**options: Any) -> bytes:
    """A small sentencepiece model that spells what it does not know in bytes."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=model,
        vocab_size=420,
        byte_fallback=True,
        hard_vocab_limit=False,
        character_coverage=0.98,
        minloglevel=5,
        **options,
    )
    return model.getvalue()


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a recipe calls each tokenizer of these tests."""
    folder = tmp_path_factory.mktemp("tokenizers")
    train_json(300).save(str(folder / "tokenizer.json"))
    plain = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False}
    (folder / "plain.model").write_bytes(train_sentencepiece(**plain))
    (folder / "bpe.model").write_bytes(
        train_sentencepiece(model_type="bpe", add_dummy_prefix=False, **plain)
    )
    (folder / "default.model").write_bytes(train_sentencepiece())
    return {
        "tiktoken": "cl100k_base",
        "json": str(folder / "tokenizer.json"),
        "sentencepiece": str(folder / "plain.model"),
        "sentencepiece-bpe": str(folder / "bpe.model"),
        "sentencepiece-default": str(folder / "default.model"),
        "minicpm": str(MINICPM),
    }


@pytest.fixture(scope="session")
def loaded(places: dict[str, str]) -> Callable[[str], Tokenizer]:
    """Loads each tokenizer once."""
    known: dict[str, Tokenizer] = {}

    def load(kind: str) -> Tokenizer:
        if kind == "minicpm" and not MINICPM.is_dir():
            pytest.skip("no folder of the real tokenizer beside the project")
        if kind not in known:
            known[kind] = load_tokenizer(places[kind])
        return known[kind]

    return load


def tiktoken_lengths(_: str, text: str) -> list[int]:
    """The bytes of each token, decoded one at a time."""
    encoding = cl100k()
    tokens = encoding.encode(text, disallowed_special=())
    return [len(encoding.decode_single_token_bytes(token)) for token in tokens]


def json_lengths(place: str, text: str) -> list[int]:
    """The bytes of each token: a byte-level token has a letter for each byte."""
    data = json.loads(Path(place).read_text("utf-8"))
    data |= {"truncation": None, "padding": None, "post_processor": None, "added_tokens": []}
    model = tokenizers.Tokenizer.from_str(json.dumps(data))
    return [len(token) for token in model.encode(text).tokens]


def sentencepiece_lengths(place: str, text: str) -> list[int]:
    """The bytes of each piece: one of a byte piece, else its text with spaces for `▁`."""
    file = Path(place) / "tokenizer.model" if Path(place).is_dir() else place
    model = sentencepiece.SentencePieceProcessor(model_file=str(file))
    lengths = [
        1 if model.is_byte(token) else len(model.id_to_piece(token).replace("▁", " ").encode())
        for token in model.encode(text)
    ]
    if sum(lengths) > len(text.encode()):
        lengths[0] -= 1  # the space that the model puts before every text
    return lengths


LENGTHS = {
    "tiktoken": tiktoken_lengths,
    "json": json_lengths,
    "sentencepiece": sentencepiece_lengths,
    "sentencepiece-bpe": sentencepiece_lengths,
    "minicpm": sentencepiece_lengths,
}
KINDS = [*LENGTHS, "sentencepiece-default"]


def moved_forward(ends: list[int], text: str) -> list[int]:
    """Each end at the next start of a code point, as a slice's boundary is (rule 2)."""
    data = text.encode()
    starts = [place for place, byte in enumerate(data) if byte & 0xC0 != 0x80]
    return [min((start for start in starts if start >= end), default=len(data)) for end in ends]


@pytest.mark.parametrize("kind", LENGTHS)
@settings(deadline=None, max_examples=60)
@given(text=texts)
def test_tokens_end_where_they_decode_to(
    kind: str, text: str, loaded: Callable[[str], Tokenizer], places: dict[str, str]
) -> None:
    """Every end, moved to a code point, is the sum of the bytes that the tokens decode to."""
    ends = loaded(kind).token_ends(text).tolist()
    expected = list(accumulate(LENGTHS[kind](places[kind], text)))
    assert moved_forward(ends, text) == moved_forward(expected, text)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=60)
@given(text=texts)
def test_ends_never_run_backwards_or_out(
    kind: str, text: str, loaded: Callable[[str], Tokenizer]
) -> None:
    """Ends do not decrease, and lie inside the text, whatever a normaliser makes of it."""
    ends = loaded(kind).token_ends(text).tolist()
    assert ends == sorted(ends)
    assert not ends or (ends[0] >= 0 and ends[-1] <= len(text.encode()))


@pytest.mark.parametrize("kind", LENGTHS)
@pytest.mark.parametrize("text", TEXTS)
def test_the_last_token_ends_the_text(
    kind: str, text: str, loaded: Callable[[str], Tokenizer]
) -> None:
    """White space at the end, marks and emoji included, nothing of a text is beyond its tokens."""
    ends = loaded(kind).token_ends(text).tolist()
    assert (ends[-1] if ends else 0) == len(text.encode())


@pytest.mark.parametrize("kind", KINDS)
def test_multi_byte_characters_may_take_several_tokens(
    kind: str, loaded: Callable[[str], Tokenizer]
) -> None:
    """The tokens of one rare character are all counted, and lie in it."""
    ends = loaded(kind).token_ends("\U00020b9f").tolist()
    assert len(ends) > 1
    assert ends[-1] == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("special", SPECIAL)
def test_special_tokens_are_ordinary_text(
    kind: str, special: str, loaded: Callable[[str], Tokenizer]
) -> None:
    """A text that spells a special token is cut like any other: it takes several tokens."""
    ends = loaded(kind).token_ends(f"{special}the{special}").tolist()
    assert ends[-1] == 2 * len(special) + 3
    assert sum(0 < end < len(special) for end in ends) >= 1
    assert sum(len(special) + 3 < end < ends[-1] for end in ends) >= 1


def test_what_a_json_file_adds_is_left_away(
    places: dict[str, str], loaded: Callable[[str], Tokenizer]
) -> None:
    """Truncation, padding, added tokens and trimmed offsets of the file touch no slice."""
    as_it_is = tokenizers.Tokenizer.from_file(places["json"]).encode("the cat " * 50)
    assert as_it_is.tokens[0] == "<s>"
    assert len(as_it_is.tokens) == 64
    ends = loaded("json").token_ends("the cat " * 50).tolist()
    assert ends[-1] == 400
    assert len(ends) > 64


@pytest.mark.parametrize("kind", KINDS)
def test_a_tokenizer_is_known_by_its_fingerprint(
    kind: str, places: dict[str, str], loaded: Callable[[str], Tokenizer], tmp_path: Path
) -> None:
    """The same when loaded again, and from a copy at another place; of a sha256's form."""
    first = loaded(kind)
    assert load_tokenizer(places[kind]).fingerprint == first.fingerprint
    assert int(first.fingerprint, 16) < 2**256
    assert len(first.fingerprint) == 64
    if kind != "tiktoken":
        place = Path(places[kind])
        copy = tmp_path / f"copy{place.suffix}"
        (shutil.copytree if place.is_dir() else shutil.copyfile)(place, copy)
        again = load_tokenizer(str(copy))
        assert again.fingerprint == first.fingerprint
        assert again.name == str(copy)
        assert str(copy) in again.origin


def test_tokenizers_have_fingerprints_of_their_own(
    loaded: Callable[[str], Tokenizer], tmp_path: Path
) -> None:
    """Another vocabulary is another fingerprint, of the same kind too."""
    train_json(301).save(str(tmp_path / "other.json"))
    found = [loaded(kind) for kind in KINDS if kind != "minicpm"]
    found.append(load_tokenizer(str(tmp_path / "other.json")))
    assert len({one.fingerprint for one in found}) == len(found)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("json", "tokenizer.json"),
        ("sentencepiece", "tokenizer.model"),
        ("sentencepiece", "spiece.model"),
        ("sentencepiece", "sentencepiece.bpe.model"),
    ],
)
def test_a_folder_is_searched_for_its_tokenizer(
    kind: str, file: str, places: dict[str, str], loaded: Callable[[str], Tokenizer], tmp_path: Path
) -> None:
    """The files that model folders hold are found by their names."""
    shutil.copyfile(places[kind], tmp_path / file)
    (tmp_path / "config.json").write_text("{}")
    found = load_tokenizer(str(tmp_path))
    assert (found.name, found.fingerprint) == (str(tmp_path), loaded(kind).fingerprint)
    assert str(tmp_path / file) in found.origin


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_such_encoding", "cl100k_base"),
        ("owner/model", "owner/model"),
        ("missing.json", "missing.json"),
        ("missing.model", "missing.model"),
        ("empty.json", "empty.json"),
        ("empty.model", "empty.model"),
        ("other.json", "other.json"),
        ("bytes.json", "bytes.json"),
        ("bytes.model", "bytes.model"),
        ("cut.json", "cut.json"),
        ("cut.model", "cut.model"),
        ("folder", "tokenizer.json, tokenizer.model"),
    ],
)
def test_a_tokenizer_that_cannot_be_had_is_an_error(
    name: str,
    told: str,
    places: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong name, a broken file, an empty folder: the message names what was meant."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("folder/vocab.txt").write_text("a\nb\n")
    for suffix in ("json", "model"):
        Path(f"empty.{suffix}").touch()
        Path(f"bytes.{suffix}").write_bytes(bytes(range(256)) * 10)
        kind = {"json": "json", "model": "sentencepiece"}[suffix]
        whole = Path(places[kind]).read_bytes()
        Path(f"cut.{suffix}").write_bytes(whole[: len(whole) // 2])
    Path("other.json").write_text('{"hello": "world"}')
    with pytest.raises(TokenizerError) as caught:
        load_tokenizer(name)
    assert told in str(caught.value)
    assert caught.value.exit_code == 2


LOAD_OFFLINE = """
import json, os, socket, sys
tried = []
def refuse(*arguments, **_):
    tried.append([str(one) for one in arguments])
    raise OSError("there is no network here")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from duplexdata.pipeline.errors import TokenizerError
from duplexdata.pipeline.slice.tokenizers import load_tokenizer
before = dict(os.environ)
told = {"tried": tried, "error": None}
try:
    found = load_tokenizer(sys.argv[1])
    told |= {"origin": found.origin, "fingerprint": found.fingerprint}
    told["ends"] = found.token_ends("Hello, world! 你好").tolist()
except TokenizerError as error:
    told["error"] = str(error)
told["environment_kept"] = dict(os.environ) == before
print(json.dumps(told))
"""
RANKS = gzip.decompress((files(ours) / "ranks" / "cl100k_base.tiktoken.gz").read_bytes())
ADDRESS = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
CACHED = hashlib.sha1(ADDRESS.encode(), usedforsecurity=False).hexdigest()

LoadOffline = Callable[..., dict[str, Any]]


@pytest.fixture
def load_offline(tmp_path: Path) -> LoadOffline:
    """Loads a tokenizer in a process that has no network, no cache and an empty tempdir."""
    (tmp_path / "temporary").mkdir()

    def load(name: str = "cl100k_base", **environment: str) -> dict[str, Any]:
        kept = {
            variable: value
            for variable, value in os.environ.items()
            if variable not in {"TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"}
        }
        done = subprocess.run(
            [sys.executable, "-c", LOAD_OFFLINE, name],
            env={**kept, "TMPDIR": str(tmp_path / "temporary"), **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    return load


def test_the_default_needs_no_network(
    load_offline: LoadOffline, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Without cache and network the ranks come from the package; no connection is tried."""
    told = load_offline()
    assert told["error"] is None
    assert told["tried"] == []
    assert "ranks from this package" in told["origin"]
    assert told["fingerprint"] == tokenizer.fingerprint
    assert told["ends"] == tokenizer.token_ends("Hello, world! 你好").tolist()
    assert told["environment_kept"]
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("variable", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", None])
def test_ranks_in_a_cache_of_tiktoken_are_used(
    variable: str | None, load_offline: LoadOffline, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Where a cache holds the ranks they are read from there, and it is said."""
    cache = tmp_path / "cache" if variable else tmp_path / "temporary" / "data-gym-cache"
    cache.mkdir()
    (cache / CACHED).write_bytes(RANKS)
    told = load_offline(**{variable: str(cache)} if variable else {})
    assert (told["error"], told["tried"]) == (None, [])
    assert f"ranks from {cache / CACHED}" in told["origin"]
    assert told["fingerprint"] == tokenizer.fingerprint


@pytest.mark.parametrize("folder", ["", "nowhere", "empty"])
def test_a_cache_without_the_ranks_leaves_those_of_the_package(
    folder: str, load_offline: LoadOffline, tmp_path: Path
) -> None:
    """A cache that is off, missing or empty is no reason to ask the network."""
    (tmp_path / "empty").mkdir()
    told = load_offline(TIKTOKEN_CACHE_DIR=str(tmp_path / folder) if folder else "")
    assert (told["error"], told["tried"]) == (None, [])
    assert "ranks from this package" in told["origin"]
    assert told["environment_kept"]
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    "ranks", [b"", RANKS[:-1], RANKS.replace(b"IQ== 0", b"IQ== 1", 1), b"hello"]
)
def test_a_corrupt_cache_is_not_used(
    ranks: bytes, load_offline: LoadOffline, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Where cached ranks have another sha256 than tiktoken expects, the package's are taken."""
    (tmp_path / CACHED).write_bytes(ranks)
    told = load_offline(TIKTOKEN_CACHE_DIR=str(tmp_path))
    assert "ranks from this package" in told["origin"]
    assert told["fingerprint"] == tokenizer.fingerprint


def test_another_encoding_says_what_to_do_without_a_network(load_offline: LoadOffline) -> None:
    """An encoding that is not in the package names the variable that would have helped."""
    told = load_offline("o200k_base")
    assert told["tried"] != []
    assert "TIKTOKEN_CACHE_DIR" in told["error"]
    assert "o200k_base" in told["error"]
    assert "cl100k_base" in told["error"]


def test_the_ranks_of_the_package_are_those_that_tiktoken_expects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their sha256 stands in tiktoken's source, and its own constructor takes them."""
    source = inspect.getsource(openai_public.cl100k_base)
    assert ADDRESS in source
    assert hashlib.sha256(RANKS).hexdigest() in source
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    (tmp_path / CACHED).write_bytes(RANKS)
    assert len(openai_public.cl100k_base()["mergeable_ranks"]) == RANKS.count(b"\n") == 100_256
    assert [file.name for file in tmp_path.iterdir()] == [CACHED]
