"""Chat Completions of the loopback server, and what goes wrong on the way."""

import asyncio
from typing import Any

import orjson
from aiohttp import web

from duplexdata.pipeline.chance import Chance
from duplexdata.pipeline.generate import fake
from duplexdata.tests.loopback import errors
from duplexdata.tests.loopback.knobs import TRANSPORT_FAULTS, Knobs, named
from duplexdata.tests.loopback.state import State


def refusal(body: Any, knobs: Knobs) -> web.Response | None:  # noqa: PLR0911 - a return a reason
    """Why a request is wrong and will stay wrong; None if it is not."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return errors.error(400, "Missing required parameter: 'messages'.", param="messages")
    if not all(isinstance(message, dict) for message in body["messages"]):
        return errors.error(400, "Invalid type for 'messages[0]'.", param="messages")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        return errors.error(400, "you must provide a model parameter", param="model")
    if model == errors.MISSING_MODEL:
        return errors.missing_model(model)
    if body.get("stream"):
        return errors.error(400, "This server does not stream.", param="stream")
    if knobs.no_schema and "response_format" in body:
        message = "Invalid parameter: 'response_format' is not supported with this model."
        return errors.error(400, message, param="response_format")
    if knobs.filtered and any(knobs.filtered in str(one) for one in body["messages"]):
        message = "The response was filtered due to the prompt triggering a content policy."
        return errors.error(400, message, "content_filter", param="prompt")
    return None


def transport_fault(
    digest: str, attempt: int, share: float, knobs: Knobs, among: str = ""
) -> str | None:
    """What goes wrong with a try of a body, counted from 0; one of the tries succeeds.

    Args:
        digest: the body's.
        attempt: the number of the try, from 0.
        share: of the tries that fail.
        knobs: the server's.
        among: the faults to choose from, with commas; all, if empty.
    """
    if not share or attempt % (knobs.faults_in_a_row + 1) == knobs.faults_in_a_row:
        return None
    draws = Chance(knobs.seed, (digest,)).of("transport")
    if draws.fraction(2 * attempt) >= share:
        return None
    return draws.pick(named(among) or TRANSPORT_FAULTS, 2 * attempt + 1)


def write(body: dict[str, Any], knobs: Knobs) -> fake.Fake:
    """What the engine replies under these knobs."""
    return fake.answer(body, knobs.seed, knobs.faults, named(knobs.only_faults))


async def complete(request: web.Request, state: State) -> web.StreamResponse:
    """POST /v1/chat/completions."""
    knobs, counts = state.knobs, state.counts
    now = asyncio.get_running_loop().time
    begun = now()
    counts.requests += 1
    if knobs.cap and not state.cap.takes(knobs.cap, begun):
        return errors.limited(knobs.retry_after)
    if knobs.status:
        return errors.failed(knobs.status)
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as wrong:
        return errors.error(400, f"We could not parse the JSON body of your request: {wrong}")
    wrong_request = refusal(body, knobs)
    if wrong_request is not None:
        return wrong_request
    digest = fake.digest_of(body)
    among = knobs.only_transport_faults
    fault = transport_fault(digest, counts.tries[digest], knobs.transport_faults, knobs, among)
    counts.tries[digest] += 1
    if fault:
        counts.transport_faults[fault] += 1
    made = write(body, knobs)
    # The work is done within the latency, as a server with more cores would.
    latency = knobs.latency + (knobs.slow if fault == "slow" else 0.0)
    if latency:
        await asyncio.sleep(begun + latency - now())
    failure = _failed(fault, knobs)
    if failure is None:
        return await _replied(request, state, made, body["model"], digest, fault)
    return failure


async def _replied(
    request: web.Request, state: State, made: fake.Fake, model: str, digest: str, fault: str | None
) -> web.StreamResponse:
    """The reply, whole or not; whole it is paid for, if anyone is still there."""
    raw = made.raw.encode()
    if fault == "dropped":
        return await _dropped(request, raw)
    if request.transport is not None and not request.transport.is_closing():
        state.counts.pay(digest, model, made)
    return web.Response(body=raw, content_type="application/json")


def _failed(fault: str | None, knobs: Knobs) -> web.Response | None:
    """The response to a try that gets no reply at all."""
    if fault in {"limited", "limited_until"}:
        return errors.limited(knobs.retry_after or 1.0, as_date=fault == "limited_until")
    if fault == "limited_bare":
        return errors.limited(0.0)
    if fault in {"error_500", "error_503"}:
        return errors.failed(int(fault.removeprefix("error_")))
    return None


async def _dropped(request: web.Request, raw: bytes) -> web.StreamResponse:
    """Half of the body, and the connection is closed."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(raw)
    await response.prepare(request)
    await response.write(raw[: len(raw) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
