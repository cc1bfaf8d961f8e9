"""The exchanges that are excepted from what the replays hold all the others to, each with its reason.

The suites take their exceptions from here, and the summary of a run prints them all: `EXCEPTIONS`, by what they are excepted from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Reasons = Mapping[str, str]
    """By the exchange's id."""

# ---------------------------------------------------------------- answers

NOT_REPLAYED: Reasons = {
    "57ad4220119b": "InvokeModel with a guardrail withholds the count of output tokens, which Converse always gives",
}

NO_ANSWERS: Reasons = {
    "ba36be18f224": "a bare endpoint's greeting in place of a completion",
    "caed762f8589": "plain text with status 200",
}
BROKEN_STREAMS: Reasons = {
    "c7ce74011ca3": "Groq's stream breaks off with `event: error`: the tool call is invalid",
    "6316b73607ce": "OpenRouter's stream ends with an `error` beside `choices`",
    "0600c7479c25": "Cohere's message-end is an error: the model wrote no valid tool call",
    "c44df7c662d7": "Cohere's message-end is an error: the model wrote no valid tool call",
}
BACKGROUND: Reasons = {
    "212023a3e672": "asked for in the background, which no call of ours does: the answer is queued, and none yet",
}

NO_FINISH_REASON: Reasons = {
    "82a04739727b": "a gateway that gives the finish reason of the first of two answers only",
    "bbfd620da790": "Snowflake gives none",
    "ab5b0f00f87f": "Snowflake gives an empty one",
    "4752f715839b": "an old vision model gives `finish_details` instead",
}

BLOCKED: Reasons = {"f2d74474b658": "the prompt was blocked: there are no candidates"}
REARRANGED: Reasons = {
    "6efa382f93ca": "two parts of text come back as one",
    "a332f6dae5b8": "two parts of text come back as one",
    "fcb253aefd50": "thoughts before and after a search come back before it",
}

# ---------------------------------------------------------------- requests

NO_CHAT_REQUEST: Reasons = {
    "2a54db849ec3": "fetches an answer that is stored",
    "4530d541ae73": "fetches an answer that is stored",
    "50724a7430a4": "compacts a conversation: another endpoint, with an answer alike",
    "b97a4e9a1c19": "compacts a conversation: another endpoint, with an answer alike",
    "d36f2e8e82e4": "compacts a conversation: another endpoint, with an answer alike",
    "f729efef1c60": "compacts a conversation: another endpoint, with an answer alike",
}
"""Exchanges of the Responses API that are no chat calls; their answers are read all the same."""

NOT_EXPRESSIBLE: Reasons = {
    "8f1758b00770": "without a model, and `num_generations` is no parameter of Cohere's chat",
    "f048fd124ba9": "has no messages: all stands in a stored prompt",
    "f68386908cd8": "has no messages: all stands in a stored prompt",
    "f965b2d73212": "its role is invalid, to see the error",
    "4bc960f4dcb0": "only a system text, beside an empty user text, which we leave out: sent as the user's",
    "565f00e300de": "a thought without text, made by the client: its signature goes to the text beside it",
    "5e5914eaf16b": "a thought without text, made by the client: its signature goes to the text beside it",
    "24e73fad67cd": "its one message is a bare string, made to be refused",
    "f3ff1b4c20d4": "an input without a prompt, made to be refused",
}
"""Requests that no OpenAI parameters make, or that we write otherwise."""

OLD_ADDRESS: Reasons = {
    "4b9fcabc72c8": "went to Ollama's /api/embeddings, which takes one text and is given up for /api/embed",
    "6d201527f893": "went to Ollama's /api/embeddings, which takes one text and is given up for /api/embed",
}

NO_REQUEST: Reasons = {**NO_CHAT_REQUEST, **NOT_EXPRESSIBLE, **OLD_ADDRESS, **BACKGROUND}
"""Every exchange whose request is not compared."""

EXCEPTIONS: Mapping[str, Reasons] = {
    "not replayed": NOT_REPLAYED,
    "an error in place of an answer": {**NO_ANSWERS, **BROKEN_STREAMS, **BACKGROUND},
    "an answer without a finish reason": NO_FINISH_REASON,
    "an answer that is not sent back as it came": {**BLOCKED, **REARRANGED},
    "the request is not compared": NO_REQUEST,
}
