"""Providers that a program registers: what is checked, who goes first, which codec speaks to them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import orjson
import pytest

from aiocompl._compat import override
from aiocompl.codecs import registry
from aiocompl.codecs.dialects import DIALECTS
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.provider_fields import FIELD_CHECKS, ProviderFields
from aiocompl.codecs.registry import register_provider, unregister_provider
from aiocompl.codecs.routing import Target, known_vendors, resolve
from aiocompl.codecs.vendor import EmbeddingRules, Vendor
from aiocompl.errors import AuthenticationError, BadRequestError, NotFoundError, UnsupportedParamsError
from aiocompl.runtime.call import build_request, sort_keywords
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.codecs.routing import Route
    from aiocompl.wire.messages import HTTPRequest

MESSAGES = [{"role": "user", "content": "Hi"}]
URL = "https://llm.acme.example/v1"


@pytest.fixture(autouse=True)
def _nothing_registered() -> Iterator[None]:
    yield
    registry._registered.clear()


def route(model: str, env: dict[str, str] | None = None, **target: Any) -> Route:
    return resolve(Target(model, **target), env or {})


def sent(found: Route, **params: Any) -> HTTPRequest:
    return found.codec.encode_request(ChatRequest(found.model, MESSAGES, params))


def test_a_registered_provider_is_one_like_the_others() -> None:
    with pytest.raises(NotFoundError):
        route("acme/large")
    register_provider("acme", base_url=URL, api_key_env="ACME_API_KEY", base_env="ACME_BASE_URL")
    with pytest.raises(AuthenticationError, match="ACME_API_KEY"):
        route("acme/large")
    request = sent(route("acme/org/large", {"ACME_API_KEY": "k"}))
    assert request.url == f"{URL}/chat/completions"
    assert request.headers["Authorization"] == "Bearer k"
    assert orjson.loads(request.body)["model"] == "org/large"
    assert route("large", provider="acme", api_key="k").endpoint.provider == "acme"
    assert (
        route("acme/x", {"ACME_BASE_URL": "http://here/v1"}, api_key="k").endpoint.base_url
        == "http://here/v1"
    )
    assert known_vendors()[-1].name == "acme"
    with pytest.raises(NotFoundError, match="'acme'"):
        route("acmee/large")
    unregister_provider("acme")
    with pytest.raises(NotFoundError):
        route("acme/large")


def test_a_provider_without_a_variable_needs_no_key() -> None:
    register_provider("acme", base_url=URL)
    assert "Authorization" not in sent(route("acme/x")).headers
    assert sent(route("acme/x", api_key="k")).headers["Authorization"] == "Bearer k"


def test_the_whole_host_may_be_the_environments() -> None:
    register_provider("acme", base_url="{ACME_HOST}/v1", url_env={"ACME_HOST": "ACME_HOST"})
    assert (
        route("acme/m", {"ACME_HOST": "https://acme.example/"}).endpoint.base_url == "https://acme.example/v1"
    )


def test_how_it_differs() -> None:
    register_provider(
        "acme",
        base_url="https://{REGION}.acme.example/api?v=2",
        url_env={"REGION": "ACME_REGION"},
        api_key_env=["ACME_KEY", "ACME_TOKEN"],
        auth="header:x-acme-key",
        path="/chat",
        max_tokens="max_tokens",
        renames={"seed": "random_seed"},
        defaults={"safe": True},
        unsupported=["logit_bias"],
        native={"beam_width"},
        roles={"developer": "system"},
        call_ids="[a-z]{9}",
        title="Acme",
        docs="https://acme.example/docs",
    )
    with pytest.raises(BadRequestError, match="ACME_REGION"):
        route("acme/x", {"ACME_TOKEN": "k"})
    found = route("acme/x", {"ACME_TOKEN": "k", "ACME_REGION": "eu"})
    request = sent(found, max_completion_tokens=5, seed=3)
    assert request.url == "https://eu.acme.example/api/chat?v=2"
    assert request.headers["x-acme-key"] == "k"
    assert orjson.loads(request.body) == {
        "model": "x", "messages": MESSAGES, "max_tokens": 5, "random_seed": 3, "safe": True
    }  # fmt: skip
    build_request(sort_keywords("x", MESSAGES, stream=False, keywords={"beam_width": 2}), found)
    with pytest.raises(UnsupportedParamsError, match="logit_bias"):
        build_request(sort_keywords("x", MESSAGES, stream=False, keywords={"logit_bias": {}}), found)
    assert known_vendors()[-1].title == "Acme"


@pytest.mark.parametrize("name", ["openai", "anthropic", "cohere", "groq", "claude", "together_ai"])
def test_built_in_names_are_taken_unless_replaced(name: str) -> None:
    before = resolve(Target(f"{name}/m", api_key="k"), {}).endpoint
    with pytest.raises(ValueError, match="replace=True"):
        register_provider(name, base_url=URL)
    register_provider(name, base_url=URL, replace=True)
    found = route(f"{name}/m", api_key="k")
    assert (found.endpoint.base_url, type(found.codec)) == (URL, OpenAICodec)
    assert [vendor.base_url for vendor in known_vendors() if vendor.name == name] == [URL]
    unregister_provider(name)
    assert resolve(Target(f"{name}/m", api_key="k"), {}).endpoint == before


def test_bare_names_go_to_what_replaces_their_maker() -> None:
    register_provider("openai", base_url=URL, replace=True)
    assert route("gpt-4o").endpoint.base_url == URL


@pytest.mark.parametrize("name", ["local", "custom"])
def test_names_with_a_meaning_cannot_be_taken(name: str) -> None:
    with pytest.raises(ValueError, match="meaning of its own"):
        register_provider(name, base_url=URL, replace=True)


def test_registering_twice() -> None:
    register_provider("acme", base_url=URL)
    with pytest.raises(ValueError, match="registered already"):
        register_provider("acme", base_url="https://other.example")
    assert route("acme/m").endpoint.base_url == URL
    register_provider("acme", base_url="https://other.example", replace=True)
    assert route("acme/m").endpoint.base_url == "https://other.example"


def test_unregistering_what_is_not_registered() -> None:
    register_provider("acme", base_url=URL)
    with pytest.raises(ValueError, match="did you mean 'acme'"):
        unregister_provider("amce")
    with pytest.raises(ValueError, match="no provider was registered as 'openai'"):
        unregister_provider("openai")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"base_url": "llm.acme.example/v1"}, "base_url must be a URL"),
        ({"base_url": "ftp://acme"}, "base_url must be a URL"),
        ({"base_url": None}, "base_url must be a URL"),
        ({"base_url": "https://me:secret@acme/v1"}, "must not be in it"),
        ({"base_url": "https://{REGION}.acme.example"}, "url_env must name a variable .* REGION"),
        ({"base_url": URL, "url_env": {"REGION": "ACME_REGION"}}, "and no other: REGION"),
        ({"base_url": URL, "url_env": {"REGION": 1}}, "url_env must be a mapping of text to text"),
        ({"base_url": URL, "api_key_env": ""}, "api_key_env must not be empty"),
        ({"base_url": URL, "api_key_env": ["A", ""]}, "api_key_env must not be empty"),
        ({"base_url": URL, "api_key_env": 3}, "api_key_env must be a collection of texts"),
        ({"base_url": URL, "key_optional": False}, "api_key_env must name"),
        ({"base_url": URL, "key_optional": "yes"}, "key_optional must be of type bool"),
        ({"base_url": URL, "auth": "basic"}, "auth must be"),
        ({"base_url": URL, "path": "chat"}, "path must begin with a slash"),
        ({"base_url": URL, "max_tokens": "tokens"}, "max_tokens must be one of max_tokens, "),
        ({"base_url": URL, "parts": "bits"}, "parts must be one of"),
        ({"base_url": URL, "history": "none"}, "history must be one of"),
        ({"base_url": URL, "unsupported": "n"}, "unsupported must be a collection of texts"),
        ({"base_url": URL, "native": [1]}, "native must be a collection of texts"),
        ({"base_url": URL, "renames": ["a", "b"]}, "renames must be a mapping"),
        ({"base_url": URL, "defaults": {1: 2}}, "defaults must be a mapping"),
        ({"base_url": URL, "call_ids": "["}, "call_ids must be a regular expression"),
        ({"base_url": URL, "title": b"Acme"}, "title must be of type str"),
        ({"base_url": URL, "codec": "antropic"}, "did you mean 'anthropic'"),
        ({"base_url": URL, "codec": 3}, "codec must be"),
    ],
)
def test_values_are_checked(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        register_provider("acme", **wrong)
    assert "secret" not in str(caught.value)
    assert registry.registered_vendors() == ()


@pytest.mark.parametrize("name", ["", "a/b", "a b", ".a", "é", "a" * 65])
def test_names_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match="name must be"):
        register_provider(name, base_url=URL)


def test_a_misspelt_field_is_found() -> None:
    with pytest.raises(TypeError, match="'base_ulr'; did you mean 'base_url'"):
        register_provider("acme", base_url=URL, base_ulr=URL)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_every_field_of_a_row_can_be_given() -> None:
    given = set(ProviderFields.__annotations__) | {"name", "base_url", "api_key_env", "codec"}
    assert given == {field.name for field in attrs.fields(Vendor)} - {"dialect"}
    assert set(FIELD_CHECKS) == set(ProviderFields.__annotations__)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_may_speak_any_dialect(dialect: str) -> None:
    register_provider("acme", base_url="https://acme.example", codec=dialect)
    found = route("acme/responses/m", {"WATSONX_PROJECT_ID": "p"}, api_key="k")
    request = sent(found, max_tokens=3)
    assert request.url.startswith("https://acme.example/")
    assert found.model == "responses/m"  # nothing in the name chooses another dialect


class Shouting(OpenAICodec):
    made: ClassVar[list[str]] = []

    def __init__(self, vendor: Vendor, endpoint: Any) -> None:
        super().__init__(vendor, endpoint)
        self.made.append(endpoint.base_url)

    @override
    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        return attrs.evolve(super().encode_request(request), url="https://elsewhere.example")


def test_a_codec_of_ones_own() -> None:
    register_provider("acme", base_url=URL, codec=Shouting)
    assert sent(route("acme/m")).url == "https://elsewhere.example"
    assert Shouting.made == [URL]


def test_threads_may_register_at_once() -> None:
    outcomes: list[bool] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for turn in range(50):
            register_provider(f"acme-{number}-{turn}", base_url=URL)
            registry.registered_vendors()
        try:
            register_provider("acme", base_url=f"https://{number}.example")
        except ValueError:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 7 + [True]
    assert len(registry.registered_vendors()) == 8 * 50 + 1


@pytest.mark.parametrize(
    ("field", "good", "kept", "wrong"),
    [
        ("renames", {"a": "b"}, (("a", "b"),), {"a": 1}),
        ("key_headers", [("V", "H", "x")], (("V", "H", "x"),), [("V", "H")]),
        ("key_headers", [], (), "VHx"),
        ("model_refuses", {"^o1": ["n"]}, (("^o1", frozenset({"n"})),), {"^o1": "n"}),
        ("max_inputs", 7, 7, 0),
        ("max_inputs", 7, 7, True),
        ("embedding_rules", EmbeddingRules(), EmbeddingRules(), {}),
    ],
)
def test_fields_that_are_more_than_a_word_are_checked(field: str, good: Any, kept: Any, wrong: Any) -> None:
    own: Any = {field: good}
    register_provider("acme", base_url=URL, **own)
    assert getattr(known_vendors()[-1], field) == kept
    own = {field: wrong}
    with pytest.raises(ValueError, match=field):
        register_provider("acme", base_url=URL, replace=True, **own)
