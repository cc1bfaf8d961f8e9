"""Amazon SageMaker endpoints: containers that speak OpenAI's Messages API, and older ones that take a bare prompt.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference, InvokeEndpoint and
InvokeEndpointWithResponseStream; https://huggingface.co/docs/text-generation-inference (2026-11).
"""

from __future__ import annotations

from aiocompl.codecs.sagemaker.codec import SageMakerCodec
from aiocompl.codecs.sagemaker.inputs import InputsCodec

__all__ = ["InputsCodec", "SageMakerCodec"]
