"""Files and Batches of the loopback server.

A batch goes on when it is asked about: validating, in progress, done after
`batch_polls`. Its lines come back in another order than they were sent in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from duplexdata.pipeline.generate import fake
from duplexdata.tests.loopback import completions, errors
from duplexdata.tests.loopback.knobs import named
from duplexdata.tests.loopback.state import Batch, File, State

Bound = Callable[[web.Request], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request, State], Awaitable[web.StreamResponse]]

_ENDPOINT = "/v1/chat/completions"
_DAY = 86_400
_PAGE = 20


def bound(handler: Handler, state: State) -> Bound:
    """The handler with the state that it works on."""

    async def handle(request: web.Request) -> web.StreamResponse:
        done = await handler(request, state)
        if request.path.startswith("/v1/batches") and state.erred < state.knobs.batch_errors:
            state.erred += 1
            return errors.failed(503)
        return done

    return handle


async def _hold(state: State, what: str) -> None:
    """Leaves a call without an answer, if it is one of those; until its client goes away."""
    if what in named(state.knobs.hold):
        state.held += 1
        state.look()
        await asyncio.Event().wait()


def _file_told(file: File) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": len(file.content),
        "created_at": fake.CREATED,
        "expires_at": None,
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def _keep(state: State, name: str, purpose: str, content: bytes) -> File:
    state.files_made += 1
    file = File(f"file-{state.files_made:06d}", name, purpose, content)
    state.files[file.id] = file
    return file


async def _upload(request: web.Request, state: State) -> web.Response:
    form = await request.post()
    await _hold(state, "upload")
    sent, purpose = form.get("file"), form.get("purpose")
    if not isinstance(sent, web.FileField) or not isinstance(purpose, str):
        return errors.error(400, "'file' and 'purpose' are required.")
    return errors.reply(_file_told(_keep(state, sent.filename, purpose, sent.file.read())))


def _page(request: web.Request, told: list[dict[str, Any]]) -> web.Response:
    """A page of a list, the newest first, after the entry named by `after`."""
    newest_first = list(reversed(told))
    after = request.query.get("after")
    begin = next((at + 1 for at, one in enumerate(newest_first) if one["id"] == after), 0)
    end = begin + int(request.query.get("limit", _PAGE))
    data = newest_first[begin:end]
    return errors.reply(
        {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": end < len(told),
        }
    )


async def _files(request: web.Request, state: State) -> web.Response:
    return _page(request, [_file_told(file) for file in state.files.values()])


def _none_such(what: str, name: str) -> web.Response:
    return errors.error(404, f"No such {what}: {name}", param="id")


async def _file(request: web.Request, state: State) -> web.Response:
    file = state.files.get(request.match_info["id"])
    if file is None:
        return _none_such("File object", request.match_info["id"])
    return errors.reply(_file_told(file))


async def _content(request: web.Request, state: State) -> web.StreamResponse:
    file = state.files.get(request.match_info["id"])
    if file is None:
        return _none_such("File object", request.match_info["id"])
    if state.kept_back < state.knobs.file_errors:
        state.kept_back += 1
        state.look()
        return errors.failed(state.knobs.file_status)
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    response.content_length = len(file.content)
    await response.prepare(request)
    half = len(file.content) // 2
    await response.write(file.content[:half])
    await _hold(state, "content")
    await response.write(file.content[half:])
    return response


async def _delete(request: web.Request, state: State) -> web.Response:
    file = state.files.pop(request.match_info["id"], None)
    if file is None:
        return _none_such("File object", request.match_info["id"])
    return errors.reply({"id": file.id, "object": "file", "deleted": True})


async def _create(request: web.Request, state: State) -> web.Response:
    wish = await request.json()
    await _hold(state, "create")
    file = state.files.get(wish.get("input_file_id", ""))
    if file is None:
        return _none_such("File object", str(wish.get("input_file_id")))
    if wish.get("endpoint") != _ENDPOINT or wish.get("completion_window") != "24h":
        return errors.error(400, f"Only {_ENDPOINT} within 24h.", param="endpoint")
    lines, faults = _read(file.content, state)
    queue = sum(len(one.lines) for one in state.batches.values() if not one.is_over) + len(lines)
    if state.knobs.batch_queue and queue > state.knobs.batch_queue:
        message = f"Enqueued token limit reached: {state.knobs.batch_queue} lines."
        code = "token_limit_exceeded"
        faults.append({"code": code, "message": message, "param": None, "line": None})
    state.batches_made += 1
    told = {
        "id": f"batch_{state.batches_made:06d}",
        "object": "batch",
        "endpoint": _ENDPOINT,
        "errors": None,
        "input_file_id": file.id,
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": fake.CREATED,
        "in_progress_at": None,
        "expires_at": fake.CREATED + _DAY,
        "finalizing_at": None,
        "completed_at": None,
        "failed_at": None,
        "expired_at": None,
        "cancelling_at": None,
        "cancelled_at": None,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": wish.get("metadata"),
    }
    batch = Batch(told, lines, faults, state.knobs.expire_batches > state.expired)
    state.expired += batch.expires
    state.batches[told["id"]] = batch
    await _hold(state, "created")
    return errors.reply(told)


def _read(content: bytes, state: State) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The lines of an input file, and what is wrong with them."""
    lines: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, text in enumerate(content.splitlines(), 1):
        try:
            line = orjson.loads(text)
            code = _fault_of_line(line, seen)
            seen.add(line["custom_id"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            code = "invalid_json_line"
        if code:
            message = f"Line {number} of the file is wrong: {code}."
            faults.append({"code": code, "message": message, "param": None, "line": number})
        else:
            lines.append(line)
    if not content.strip():
        faults.append({"code": "empty_file", "message": "No lines.", "param": None, "line": None})
    if len(lines) > state.knobs.batch_lines:
        message = f"A batch may have {state.knobs.batch_lines} lines."
        faults.append({"code": "too_many_tasks", "message": message, "param": None, "line": None})
    if len({line["body"].get("model") for line in lines}) > 1:
        message = "All lines of a batch must name the same model."
        faults.append(
            {"code": "mismatched_model", "message": message, "param": "model", "line": None}
        )
    return lines, faults


def _fault_of_line(line: dict[str, Any], seen: set[str]) -> str | None:
    if line["method"] != "POST" or line["url"] != _ENDPOINT:
        return "invalid_url"
    if line["custom_id"] in seen:
        return "duplicate_custom_id"
    return None if isinstance(line["body"], dict) else "invalid_request"


async def _batches(request: web.Request, state: State) -> web.Response:
    return _page(request, [batch.told for batch in state.batches.values()])


async def _batch(request: web.Request, state: State) -> web.Response:
    batch = state.batches.get(request.match_info["id"])
    if batch is None:
        return _none_such("batch", request.match_info["id"])
    await _hold(state, "retrieve")
    _go_on(batch, state)
    return errors.reply(batch.told)


async def _cancel(request: web.Request, state: State) -> web.Response:
    batch = state.batches.get(request.match_info["id"])
    if batch is None:
        return _none_such("batch", request.match_info["id"])
    if batch.is_over:
        message = f"Cannot cancel a batch with status '{batch.told['status']}'."
        return errors.error(409, message)
    batch.told |= {"status": "cancelling", "cancelling_at": fake.CREATED}
    return errors.reply(batch.told)


def _go_on(batch: Batch, state: State) -> None:
    """One step of a batch, taken when it is asked about."""
    told = batch.told
    if batch.is_over:
        return
    batch.polls += 1
    if told["status"] == "cancelling":
        _end(batch, state, "cancelled", "batch_cancelled", len(batch.lines) // 2)
    elif batch.faults:
        told |= {"status": "failed", "failed_at": fake.CREATED}
        told["errors"] = {"object": "list", "data": batch.faults}
    elif batch.polls < state.knobs.batch_polls:
        told |= {"status": "in_progress", "in_progress_at": fake.CREATED}
        told["request_counts"] = {"total": len(batch.lines), "completed": 0, "failed": 0}
    elif batch.expires:
        _end(batch, state, "expired", "batch_expired", len(batch.lines) // 2)
    else:
        _end(batch, state, "completed", "", len(batch.lines))


def _end(batch: Batch, state: State, status: str, code: str, done: int) -> None:
    """Writes the output of the first `done` lines, and the errors."""
    good: list[bytes] = []
    bad: list[bytes] = []
    # The rest has no error of its own: it was not executed.
    unexecuted = {"code": code, "message": "This request was not executed in time."}
    for number, line in enumerate(batch.lines):
        told = {"id": f"batch_req_{number:06d}", "custom_id": line["custom_id"]}
        if number >= done:
            bad.append(orjson.dumps(told | {"response": None, "error": unexecuted}))
            continue
        answered, body = _answer(line["body"], state)
        if answered == 200 and _is_missing(line["body"], state):
            continue
        response = {"status_code": answered, "request_id": f"req_{number:06d}", "body": body}
        (good if answered == 200 else bad).append(
            orjson.dumps(told | {"response": response, "error": None})
        )
    for name, lines in (("output_file_id", good), ("error_file_id", bad)):
        if lines:
            content = b"".join(line + b"\n" for line in reversed(lines))
            content *= 2 if state.knobs.batch_twice else 1
            file = _keep(state, f"{batch.told['id']}.jsonl", "batch_output", content)
            batch.told[name] = file.id
    batch.told |= {"status": status, f"{status}_at": fake.CREATED}
    batch.told["request_counts"] = {
        "total": len(batch.lines),
        "completed": len(good),
        "failed": len(bad),
    }


def _is_missing(body: dict[str, Any], state: State) -> bool:
    """Whether what came of a line is in no file; `faults_in_a_row` holds as for other faults."""
    digest, knobs = fake.digest_of(body), state.knobs
    attempt = state.counts.tries[digest] - 1
    share = knobs.batch_missing
    return completions.transport_fault(digest, attempt, share, knobs) is not None


def _answer(body: dict[str, Any], state: State) -> tuple[int, Any]:
    """The status and the response body of one line."""
    counts, knobs = state.counts, state.knobs
    wrong = completions.refusal(body, knobs)
    if wrong is not None and isinstance(wrong.body, bytes):
        return wrong.status, orjson.loads(wrong.body)
    digest = fake.digest_of(body)
    attempt = counts.tries[digest]
    counts.tries[digest] += 1
    among = "error_500,error_503,limited_bare"
    fault = completions.transport_fault(digest, attempt, knobs.batch_faults, knobs, among)
    if fault:
        counts.transport_faults[fault] += 1
        status = 429 if fault == "limited_bare" else int(fault.removeprefix("error_"))
        return status, {"error": errors.told(status, f"The server answers with status {status}.")}
    made = completions.write(body, knobs)
    counts.pay(digest, body["model"], made)
    return 200, orjson.loads(made.raw)


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/files", _upload),
    ("GET", "/v1/files", _files),
    ("GET", "/v1/files/{id}", _file),
    ("GET", "/v1/files/{id}/content", _content),
    ("DELETE", "/v1/files/{id}", _delete),
    ("POST", "/v1/batches", _create),
    ("GET", "/v1/batches", _batches),
    ("GET", "/v1/batches/{id}", _batch),
    ("POST", "/v1/batches/{id}/cancel", _cancel),
)
