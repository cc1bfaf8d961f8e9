"""IBM watsonx.ai's chat: OpenAI's dialect but for its URLs, the model's and project's place, and the choice of tools.

The key is a bearer token of IBM's identity service; whoever makes the endpoint fetches it.

Source: https://cloud.ibm.com/apidocs/watsonx-ai, text chat (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiocompl._compat import override
from aiocompl.codecs.openai import OpenAICodec

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import HTTPRequest

VERSION: Final = "2024-03-13"
"""The dated API version that is asked for where the endpoint names none."""

DEPLOYMENT: Final = "deployment/"
"""How a model name begins that means a deployment's id."""

_REFUSED_IN_TOOLS: Final = frozenset({"additionalProperties", "strict"})


class WatsonxCodec(OpenAICodec):
    """watsonx.ai's dialect. A model named ``deployment/<id>`` is a deployment; others need the endpoint's project.

    Args:
        vendor: The vendor's row, read loosely.
        endpoint: `project` is the project's id, or the space's as ``space/<id>``.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(vendor, endpoint)
        self._base = endpoint.base_url.rstrip("/").removesuffix("/ml/v1")
        self._version = endpoint.api_version or VERSION
        self._owner = owner_of(endpoint)

    @override
    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        body = self._body(request)
        body.pop("stream", None)  # the URL says it
        model, path = body.pop("model"), "text"
        if model.startswith(DEPLOYMENT):
            path = f"deployments/{model.removeprefix(DEPLOYMENT)}/text"
        else:
            body = {"model_id": model, **self._owner, **body}
        if isinstance(body.get("tool_choice"), str):
            body["tool_choice_option"] = body.pop("tool_choice")
        if "tools" in body:
            body["tools"] = [_without(tool) for tool in body["tools"]]
        call = "chat_stream" if request.stream else "chat"
        return self._http_request(request, f"{self._base}/ml/v1/{path}/{call}?version={self._version}", body)


def owner_of(endpoint: Endpoint) -> dict[str, str]:
    """The field that says whose project or space is charged; none where the endpoint has neither."""
    space = (endpoint.project or "").removeprefix("space/")
    key = "project_id" if space == endpoint.project else "space_id"
    return {key: space} if space else {}


def _without(value: Any, *, is_names: bool = False) -> Any:
    """A tool without what its schema may not have here; `is_names`: the keys are a property's names, and stay."""
    if isinstance(value, list):
        return [_without(item) for item in value]
    return _without_keys(value, is_names=is_names) if isinstance(value, Mapping) else value


def _without_keys(value: Mapping[str, Any], *, is_names: bool) -> dict[str, Any]:
    return {
        key: _without(item, is_names=key == "properties" and not is_names)
        for key, item in value.items()
        if is_names or key not in _REFUSED_IN_TOOLS
    }
