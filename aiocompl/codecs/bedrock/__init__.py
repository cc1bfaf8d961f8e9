"""Amazon Bedrock's Converse and ConverseStream: one dialect for the models of all vendors there.

A key goes as bearer; credentials (access key and secret) sign each request right before it is sent, see
`ConverseCodec.sign`.

Source: the service model ``bedrock-runtime`` 2023-09-30 and https://docs.aws.amazon.com/bedrock (2026-11).
"""

from aiocompl.codecs.bedrock.codec import ConverseCodec, runtime_url
from aiocompl.codecs.bedrock.stream import ConverseStreamDecoder

__all__ = ["ConverseCodec", "ConverseStreamDecoder", "runtime_url"]
