"""What goes wrong with the Hub, in one line: what happened, and what to do."""

from collections.abc import Iterator, Mapping

from ..errors import DuplexdataError, HubError, PublishError

_BY_STATUS: Mapping[int, str] = {
    401: "the Hub does not take the token, or {name} is not to be seen with it: "
    "log in with `hf auth login`, or set HF_TOKEN",
    403: "the token may not write to {name}: give it write access, or name a repository of yours",
    404: "{name}, or the revision, is not there, or the token may not see it",
    409: "another change of {name} is under way: wait for its end",
    413: "a file or a commit is too large for the Hub: build with a smaller block_rows",
}


class MovedError(HubError):
    """Somebody else wrote to the repository while it was being written to."""


def told(error: Exception, name: str) -> Exception:
    """An error of the client as one of ours; what is none of the Hub's is given back as it is.

    Args:
        error: as it was raised, with what caused it.
        name: the repository.
    """
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    for one in _chain(error):
        if isinstance(one, DuplexdataError):
            return one
        if isinstance(one, HfHubHTTPError):
            return _refused(one, name)
        if isinstance(one, HFValidationError) or "Invalid metadata in README.md" in str(one):
            return PublishError(f"the Hub would not take it: {_line(one)}")
        if _is_transport(one):
            what = f"{type(one).__name__}: {_line(one)}"
            return HubError(f"the connection to the Hub broke off ({what})")
    lfs = isinstance(error, ValueError) and "LFS" in str(error)  # its answer for large files
    if lfs or isinstance(error, RuntimeError | OSError):  # what its own transport raises
        return HubError(f"the upload did not succeed: {_line(error)}")
    return error


def _refused(error: "Exception", name: str) -> DuplexdataError:
    response = error.response  # type: ignore[attr-defined]  # HfHubHTTPError
    status: int = response.status_code
    said = getattr(error, "server_message", None) or _line(error)
    if status == 412:
        return MovedError(f"{name} was written to meanwhile, again and again")
    if status == 429:
        wait = response.headers.get("Retry-After")
        when = f"wait {wait} seconds" if wait else "wait a while"
        return HubError(f"the Hub takes no more requests for now: {when} (429: {said})")
    if status >= 500:
        return HubError(f"the Hub has an error of its own: wait a while ({status}: {said})")
    meaning = _BY_STATUS.get(status, f"the Hub refused: {said}")
    return HubError(f"{meaning.format(name=name)} ({status}: {said})")


def _chain(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _is_transport(error: BaseException) -> bool:
    """Whether the way to the Hub failed; its client's HTTP library changes name with its major."""
    library = type(error).__module__.partition(".")[0]
    return library.startswith(("httpx", "httpcore")) or isinstance(error, ConnectionError)


def _line(error: BaseException) -> str:
    lines = [one.strip() for one in str(error).splitlines() if one.strip()]
    return " ".join(lines[:2]) if lines else type(error).__name__
