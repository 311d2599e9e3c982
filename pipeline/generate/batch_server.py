"""Files and batch jobs of a server, over OpenAI's client: each call tried once.

The library is imported, and the key is read, with the first call.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

from .api_key import ApiKey, load_api_key
from .sending import Answer, Refused, Retry, raise_for

if TYPE_CHECKING:
    import openai
    from openai.types import Batch

Result = TypeVar("Result")

NAME = "duplexdata"
"""The key of a job's metadata under which its name stands."""
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})

_CONNECT_SECONDS = 20.0
_PAGE = 100


class JobState(NamedTuple):
    """How far a job is.

    Attributes:
        status: the server's word.
        total, done, failed: its requests.
        files: with replies and with errors, those that there are.
        codes: of what is wrong with the job as a whole.
        words: the server's own on that.
    """

    status: str
    total: int = 0
    done: int = 0
    failed: int = 0
    files: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    words: str = ""


class BatchServer:
    """A server that takes batch jobs; used by one thread.

    Args:
        base_url: of it.
        key_file: that holds the key; by default as `load_api_key` says.
        timeout: seconds that it may be silent.

    Each method raises Retry where it may be tried again, and Refused where not.
    """

    def __init__(self, base_url: str, key_file: Path | None = None, timeout: float = 300.0) -> None:
        """Opens nothing."""
        self.base_url = base_url
        self.key = ApiKey()
        self._key_file = key_file
        self._timeout = timeout
        self._client: openai.OpenAI | None = None

    def upload(self, file: IO[bytes], name: str) -> str:
        """Sends the input file of a job; its id."""
        file.seek(0)
        return self._called(
            lambda client: client.files.create(file=(f"{name}.jsonl", file), purpose="batch").id
        )

    def create(self, file: str, name: str) -> str:
        """Makes a job of an uploaded file; its id. After a Retry it may be there all the same."""
        return self._called(
            lambda client: (
                client.batches.create(
                    input_file_id=file,
                    endpoint="/v1/chat/completions",
                    completion_window="24h",
                    metadata={NAME: name},
                ).id
            )
        )

    def find(self, name: str) -> str | None:
        """The id of the job of this name."""

        def found(client: "openai.OpenAI") -> str | None:
            for batch in client.batches.list(limit=_PAGE):
                if (batch.metadata or {}).get(NAME) == name:
                    return batch.id
            return None

        return self._called(found)

    def state(self, batch: str) -> JobState:
        """How far a job is."""
        return self._state(self._called(lambda client: client.batches.retrieve(batch)))

    def download(self, file: str, into: IO[bytes]) -> None:
        """Fetches a file whole. One that is not there may come: the job says that it is."""

        def fetch(client: "openai.OpenAI") -> None:
            into.seek(0)
            into.truncate()
            with client.files.with_streaming_response.content(file) as response:
                for part in response.iter_bytes():
                    into.write(part)

        try:
            self._called(fetch)
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise Retry(str(error), status=error.status) from None
        into.seek(0)

    def close(self) -> None:
        """Lets go of connections."""
        if self._client is not None:
            self._client.close()

    def _state(self, batch: "Batch") -> JobState:
        counts = batch.request_counts
        wrong = (batch.errors.data if batch.errors else None) or []
        words = "; ".join(one.message or one.code or "" for one in wrong[:3])
        return JobState(
            batch.status,
            counts.total if counts else 0,
            counts.completed if counts else 0,
            counts.failed if counts else 0,
            tuple(filter(None, (batch.output_file_id, batch.error_file_id))),
            tuple(one.code or "" for one in wrong),
            " ".join(self.key.mask(words).split()) or "no reason is given",
        )

    def _called(self, call: Callable[["openai.OpenAI"], Result]) -> Result:
        """What a call gives, its errors told as everywhere; none holds what was sent."""
        client = self._opened()
        import openai
        from httpx2 import HTTPError

        try:
            return call(client)
        except openai.APIStatusError as error:
            response = error.response
            headers = {name.lower(): value for name, value in response.headers.items()}
            answer = Answer(response.status_code, headers, response.content)
        except (openai.APIError, HTTPError, OSError, ValueError) as error:
            why = next((str(one) for one in _causes(error) if str(one)), type(error).__name__)
            answer = None
        # Not in a handler: what an error remembers of the request holds the key.
        if answer is None:
            raise Retry(f"{self.base_url}: {self.key.mask(why)}", maybe_paid=True)
        return raise_for(answer, self.base_url, self.key)

    def _opened(self) -> "openai.OpenAI":
        if self._client is None:
            from openai import OpenAI, Timeout

            self.key = load_api_key(self._key_file)
            self._client = OpenAI(
                api_key=self.key.reveal() or "none",
                base_url=self.base_url,
                max_retries=0,  # a job that was made must not be made again
                timeout=Timeout(self._timeout, connect=_CONNECT_SECONDS),
            )
        return self._client


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it comes from, the first of them first."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    return reversed(causes)
