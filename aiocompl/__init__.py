"""Every LLM provider behind ``await acompletion(model=..., messages=...)``: OpenAI parameters in, OpenAI format out.

Names load at first use: importing this package does no I/O, starts no thread and reads no environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocompl._version import __version__

if TYPE_CHECKING:
    from aiocompl.batchfile.run import run_batch_file
    from aiocompl.batchfile.tally import BatchFileProgress, BatchFileSummary
    from aiocompl.cache.base import Cache
    from aiocompl.cache.disk import DiskCache
    from aiocompl.cache.memory import MemoryCache
    from aiocompl.cache.redis import RedisCache
    from aiocompl.client import acompletion, aembedding, amodels, amoderation, arerank, default_supervisor
    from aiocompl.codecs.abilities import get_supported_openai_params
    from aiocompl.codecs.registry import register_provider, unregister_provider
    from aiocompl.combinators.batch import BatchStream
    from aiocompl.combinators.batch_rules import BatchProgress
    from aiocompl.combinators.merged import MergedStream
    from aiocompl.combinators.report import Contestant, RaceReport
    from aiocompl.costs import completion_cost, context_window, cost_per_token, register_model
    from aiocompl.errors import (
        ActorDiedError,
        AiocomplError,
        AllModelsFailedError,
        AnswerNotAcceptedError,
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadGatewayError,
        BadRequestError,
        BatchFileError,
        BatchOutputError,
        BudgetExceededError,
        CircuitOpenError,
        ConfigError,
        ConflictError,
        ContentPolicyViolationError,
        ContextWindowExceededError,
        EndpointDownError,
        InboxFullError,
        IncompleteStreamError,
        InternalServerError,
        LocalModelError,
        MissingExtraError,
        ModelsFailedError,
        NotFoundError,
        NotNeededError,
        PermissionDeniedError,
        RateLimitError,
        ResponseFormatError,
        ResponseTooLargeError,
        ServiceUnavailableError,
        SupervisorClosedError,
        Timeout,
        UnprocessableEntityError,
        UnsupportedParamsError,
        WaitTooLongError,
    )
    from aiocompl.many import (
        abatch_completion,
        abatch_completion_models,
        abatch_completion_models_all_responses,
        aiter_batch,
    )
    from aiocompl.policy.adaptive import AdaptivePolicy
    from aiocompl.policy.breaker import BreakerPolicy
    from aiocompl.policy.budget import Budget, BudgetSnapshot
    from aiocompl.policy.config import DeploymentConfig, RouterConfig
    from aiocompl.policy.hedge import HedgeBudget
    from aiocompl.policy.ledger import Ledger, LedgerEntry, LedgerSnapshot
    from aiocompl.policy.retry import RetryBudget
    from aiocompl.prices import Price
    from aiocompl.rate_limits import RateLimit, RateLimits
    from aiocompl.runtime.child_values import ChildSnapshot
    from aiocompl.runtime.children import SupervisorSnapshot
    from aiocompl.runtime.deployment import DeploymentSnapshot
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.runtime.supervisor import Router, Supervisor
    from aiocompl.runtime.transport import TransportSettings
    from aiocompl.sync import SyncCompletionStream, completion, embedding, models, moderation, rerank
    from aiocompl.sync_many import (
        SyncMergedStream,
        batch_completion,
        batch_completion_models,
        batch_completion_models_all_responses,
    )
    from aiocompl.token_counts import TokenCount, atoken_counter, token_counter
    from aiocompl.types.assemble import stream_chunk_builder
    from aiocompl.types.call import Attempt, CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk, ChoiceDelta, ChunkChoice, ModelResponseStream
    from aiocompl.types.completion import (
        ChatCompletion,
        ChatCompletionMessage,
        Choice,
        FunctionCall,
        ModelResponse,
        ToolCall,
        Usage,
    )
    from aiocompl.types.embedding import Embedding, EmbeddingResponse
    from aiocompl.types.model_list import ModelInfo, ModelList
    from aiocompl.types.moderation import Moderation, ModerationResponse
    from aiocompl.types.rerank import RerankResponse, RerankResult

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "ActorDiedError",
    "AdaptivePolicy",
    "AiocomplError",
    "AllModelsFailedError",
    "AnswerNotAcceptedError",
    "Attempt",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "BatchFileError",
    "BatchFileProgress",
    "BatchFileSummary",
    "BatchOutputError",
    "BatchProgress",
    "BatchStream",
    "BreakerPolicy",
    "Budget",
    "BudgetExceededError",
    "BudgetSnapshot",
    "Cache",
    "CallInfo",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatCompletionMessage",
    "ChildSnapshot",
    "Choice",
    "ChoiceDelta",
    "ChunkChoice",
    "CircuitOpenError",
    "CompletionStream",
    "ConfigError",
    "ConflictError",
    "ContentPolicyViolationError",
    "Contestant",
    "ContextWindowExceededError",
    "DeploymentConfig",
    "DeploymentSnapshot",
    "DiskCache",
    "Embedding",
    "EmbeddingResponse",
    "EndpointDownError",
    "FunctionCall",
    "HedgeBudget",
    "InboxFullError",
    "IncompleteStreamError",
    "InternalServerError",
    "Ledger",
    "LedgerEntry",
    "LedgerSnapshot",
    "LocalModelError",
    "MemoryCache",
    "MergedStream",
    "MissingExtraError",
    "ModelInfo",
    "ModelList",
    "ModelResponse",
    "ModelResponseStream",
    "ModelsFailedError",
    "Moderation",
    "ModerationResponse",
    "NotFoundError",
    "NotNeededError",
    "PermissionDeniedError",
    "Price",
    "RaceReport",
    "RateLimit",
    "RateLimitError",
    "RateLimits",
    "RedisCache",
    "RerankResponse",
    "RerankResult",
    "ResponseFormatError",
    "ResponseTooLargeError",
    "RetryBudget",
    "Router",
    "RouterConfig",
    "ServiceUnavailableError",
    "Supervisor",
    "SupervisorClosedError",
    "SupervisorSnapshot",
    "SyncCompletionStream",
    "SyncMergedStream",
    "Timeout",
    "TokenCount",
    "ToolCall",
    "TransportSettings",
    "UnprocessableEntityError",
    "UnsupportedParamsError",
    "Usage",
    "WaitTooLongError",
    "__version__",
    "abatch_completion",
    "abatch_completion_models",
    "abatch_completion_models_all_responses",
    "acompletion",
    "aembedding",
    "aiter_batch",
    "amodels",
    "amoderation",
    "arerank",
    "atoken_counter",
    "batch_completion",
    "batch_completion_models",
    "batch_completion_models_all_responses",
    "completion",
    "completion_cost",
    "context_window",
    "cost_per_token",
    "default_supervisor",
    "embedding",
    "get_supported_openai_params",
    "models",
    "moderation",
    "register_model",
    "register_provider",
    "rerank",
    "run_batch_file",
    "stream_chunk_builder",
    "token_counter",
    "unregister_provider",
]

_HOMES = {
    "batchfile.run": ("run_batch_file",),
    "batchfile.tally": ("BatchFileProgress", "BatchFileSummary"),
    "cache.base": ("Cache",),
    "cache.disk": ("DiskCache",),
    "cache.memory": ("MemoryCache",),
    "cache.redis": ("RedisCache",),
    "client": ("acompletion", "aembedding", "amodels", "amoderation", "arerank", "default_supervisor"),
    "codecs.abilities": ("get_supported_openai_params",),
    "codecs.registry": ("register_provider", "unregister_provider"),
    "combinators.batch": ("BatchStream",),
    "combinators.batch_rules": ("BatchProgress",),
    "combinators.merged": ("MergedStream",),
    "combinators.report": ("Contestant", "RaceReport"),
    "costs": ("completion_cost", "context_window", "cost_per_token", "register_model"),
    "errors": (
        "CircuitOpenError",
        "APIConnectionError",
        "APIError",
        "APIResponseValidationError",
        "APIStatusError",
        "APITimeoutError",
        "ActorDiedError",
        "AiocomplError",
        "AllModelsFailedError",
        "AnswerNotAcceptedError",
        "AuthenticationError",
        "BadGatewayError",
        "BadRequestError",
        "BatchFileError",
        "BatchOutputError",
        "BudgetExceededError",
        "ConfigError",
        "ConflictError",
        "ContentPolicyViolationError",
        "ContextWindowExceededError",
        "EndpointDownError",
        "InboxFullError",
        "IncompleteStreamError",
        "InternalServerError",
        "LocalModelError",
        "MissingExtraError",
        "ModelsFailedError",
        "NotFoundError",
        "NotNeededError",
        "PermissionDeniedError",
        "RateLimitError",
        "ResponseFormatError",
        "ResponseTooLargeError",
        "ServiceUnavailableError",
        "SupervisorClosedError",
        "Timeout",
        "UnprocessableEntityError",
        "UnsupportedParamsError",
        "WaitTooLongError",
    ),
    "many": (
        "abatch_completion",
        "abatch_completion_models",
        "abatch_completion_models_all_responses",
        "aiter_batch",
    ),
    "policy.adaptive": ("AdaptivePolicy",),
    "policy.breaker": ("BreakerPolicy",),
    "policy.budget": ("Budget", "BudgetSnapshot"),
    "policy.config": ("DeploymentConfig", "RouterConfig"),
    "policy.hedge": ("HedgeBudget",),
    "policy.ledger": ("Ledger", "LedgerEntry", "LedgerSnapshot"),
    "policy.retry": ("RetryBudget",),
    "prices": ("Price",),
    "rate_limits": ("RateLimit", "RateLimits"),
    "runtime.child_values": ("ChildSnapshot",),
    "runtime.stream": ("CompletionStream",),
    "runtime.children": ("SupervisorSnapshot",),
    "runtime.deployment": ("DeploymentSnapshot",),
    "runtime.supervisor": ("Router", "Supervisor"),
    "runtime.transport": ("TransportSettings",),
    "sync": ("SyncCompletionStream", "completion", "embedding", "models", "moderation", "rerank"),
    "sync_many": (
        "SyncMergedStream",
        "batch_completion",
        "batch_completion_models",
        "batch_completion_models_all_responses",
    ),
    "token_counts": ("TokenCount", "atoken_counter", "token_counter"),
    "types.assemble": ("stream_chunk_builder",),
    "types.call": ("Attempt", "CallInfo"),
    "types.chunk": ("ChatCompletionChunk", "ChoiceDelta", "ChunkChoice", "ModelResponseStream"),
    "types.completion": (
        "ChatCompletion",
        "ChatCompletionMessage",
        "Choice",
        "FunctionCall",
        "ModelResponse",
        "ToolCall",
        "Usage",
    ),
    "types.embedding": ("Embedding", "EmbeddingResponse"),
    "types.model_list": ("ModelInfo", "ModelList"),
    "types.moderation": ("Moderation", "ModerationResponse"),
    "types.rerank": ("RerankResponse", "RerankResult"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # a type checker is to find misspelt names

    def __getattr__(name: str) -> Any:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - at first use of a name, not at import

        value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
