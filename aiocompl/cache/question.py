"""What a call asks, as far as caches are concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from aiocompl.policy.cache_controls import CacheControls, cache_controls
from aiocompl.policy.cache_key import cache_key
from aiocompl.runtime.replay import StreamForm
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from aiocompl.runtime.call import Call
    from aiocompl.types.endpoint import Endpoint


@attrs.frozen(kw_only=True)
class Question:
    """A call as `CacheLayer.answer` takes it."""

    key: str | None
    controls: CacheControls
    form: StreamForm | None
    """How its stream is to be; None for a whole answer."""


def question_of(call: Call, endpoint: Endpoint | None) -> Question:
    """Read a call, before anything is taken out of it on the way to a provider.

    Args:
        call: The call, sorted.
        endpoint: Who is asked, where one endpoint is; None for a model group.

    Raises:
        BadRequestError: Its `cache` is not as it should be.
    """
    controls = cache_controls(call.options.get("cache"))
    key = cache_key(
        call.model,
        call.messages,
        {**call.params, **call.others},
        options=call.options,
        provider=endpoint.provider if endpoint is not None else "",
        api_base=endpoint.base_url if endpoint is not None else "",
        namespace=controls.namespace,
    )
    form = None
    if call.stream:
        extra = call.options.get("extra_body")
        asked = ChatRequest(call.model, (), call.params, stream=True, extra_body=extra)
        form = StreamForm(shows_usage=asked.shows_usage, answer_type=call.answer_type)
    return Question(key=key, controls=controls, form=form)
