"""Makers and hosts in China, with their international sites.

Source: the vendors' documentation (`docs`) and well-kept clients of theirs, 2026-11.
Unverified: `qianfan`, `hunyuan`, `stepfun`, `baichuan`.
"""

from __future__ import annotations

from typing import Final

import attrs

from aiocompl.codecs.vendor import Vendor

MOONSHOT = Vendor(
    name="moonshot",
    title="Moonshot AI (Kimi)",
    base_url="https://api.moonshot.ai/v1",
    api_key_env=("MOONSHOT_API_KEY",),
    base_env=("MOONSHOT_API_BASE",),
    unsupported=frozenset({"functions", "logit_bias", "logprobs", "seed"}),
    native=frozenset({"thinking"}),
    history_required=True,
    docs="https://platform.moonshot.ai/docs",
)
ZAI = Vendor(
    name="zai",
    title="Z.ai (international GLM)",
    base_url="https://api.z.ai/api/paas/v4",
    api_key_env=("ZAI_API_KEY", "Z_AI_API_KEY"),
    base_env=("ZAI_API_BASE",),
    max_tokens="max_tokens",
    unsupported=frozenset(
        {
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "n",
            "parallel_tool_calls",
            "presence_penalty",
            "seed",
        }
    ),
    native=frozenset({"do_sample", "request_id", "thinking", "tool_stream", "user_id"}),
    docs="https://docs.z.ai",
)
DASHSCOPE = Vendor(
    name="dashscope",
    title="Alibaba DashScope / Model Studio (China)",
    base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
    api_key_env=("DASHSCOPE_API_KEY",),
    base_env=("DASHSCOPE_API_BASE",),
    max_tokens="max_tokens",
    unsupported=frozenset({"frequency_penalty", "logit_bias", "user"}),
    native=frozenset(
        {
            "enable_search",
            "enable_thinking",
            "repetition_penalty",
            "search_options",
            "thinking_budget",
            "top_k",
            "translation_options",
            "vl_high_resolution_images",
        }
    ),
    docs="https://help.aliyun.com/zh/model-studio",
)

VENDORS: Final = (
    MOONSHOT,
    attrs.evolve(
        MOONSHOT,
        name="moonshot_cn",
        title="Moonshot AI (China)",
        base_url="https://api.moonshot.cn/v1",
        api_key_env=("MOONSHOT_CN_API_KEY", "MOONSHOT_API_KEY"),
        base_env=(),
        docs="https://platform.moonshot.cn/docs",
    ),
    ZAI,
    attrs.evolve(
        ZAI,
        name="zhipu",
        title="Zhipu BigModel (China GLM)",
        base_url="https://open.bigmodel.cn/api/paas/v4",
        api_key_env=("ZHIPUAI_API_KEY", "ZHIPU_API_KEY"),
        base_env=("ZHIPUAI_BASE_URL",),
        rerank="/rerank",
        docs="https://docs.bigmodel.cn",
    ),
    DASHSCOPE,
    attrs.evolve(
        DASHSCOPE,
        name="dashscope_intl",
        title="Alibaba Model Studio (international)",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        api_key_env=("DASHSCOPE_INTL_API_KEY", "DASHSCOPE_API_KEY"),
        base_env=(),
        docs="https://www.alibabacloud.com/help/en/model-studio",
    ),
    Vendor(
        name="minimax",
        title="MiniMax",
        base_url="https://api.minimax.io/v1",
        api_key_env=("MINIMAX_API_KEY",),
        base_env=("MINIMAX_API_BASE",),
        max_tokens="max_tokens",
        unsupported=frozenset({"function_call", "logit_bias", "presence_penalty"}),
        native=frozenset({"reasoning_split", "thinking"}),
        history="think_tags",
        docs="https://platform.minimax.io/docs",
    ),
    Vendor(
        name="siliconflow",
        title="SiliconFlow (China)",
        base_url="https://api.siliconflow.cn/v1",
        api_key_env=("SILICONFLOW_API_KEY",),
        base_env=("SILICONFLOW_BASE_URL",),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias"}),
        native=frozenset({"enable_thinking", "min_p", "thinking_budget", "top_k"}),
        rerank="/rerank",
        docs="https://docs.siliconflow.cn",
    ),
    Vendor(
        name="volcengine",
        title="Volcengine Ark (Doubao)",
        base_url="https://ark.cn-beijing.volces.com/api/v3",
        api_key_env=("ARK_API_KEY", "VOLCENGINE_API_KEY"),
        base_env=("ARK_API_BASE", "VOLCENGINE_API_BASE"),
        unsupported=frozenset({"functions", "n"}),
        native=frozenset({"thinking"}),
        docs="https://www.volcengine.com/docs/82379",
    ),
    Vendor(
        name="qianfan",
        title="Baidu Qianfan v2",
        base_url="https://qianfan.baidubce.com/v2",
        api_key_env=("QIANFAN_API_KEY",),
        base_env=("QIANFAN_BASE_URL",),
        max_tokens="max_completion_tokens",
        unsupported=frozenset({"logit_bias", "n"}),
        native=frozenset({"enable_thinking", "penalty_score", "web_search"}),
        docs="https://cloud.baidu.com/doc/qianfan",
    ),
    Vendor(
        name="hunyuan",
        title="Tencent Hunyuan",
        base_url="https://api.hunyuan.cloud.tencent.com/v1",
        api_key_env=("HUNYUAN_API_KEY",),
        base_env=("HUNYUAN_BASE_URL",),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias", "logprobs", "n"}),
        native=frozenset({"enable_enhancement", "enable_thinking"}),
        docs="https://cloud.tencent.com/document/product/1729",
    ),
    Vendor(
        name="tencent",
        title="Tencent TokenHub (international)",
        base_url="https://tokenhub-intl.tencentcloudmaas.com/v1",
        api_key_env=("TENCENT_API_KEY",),
        base_env=("TENCENT_API_BASE",),
        max_tokens="max_tokens",
        native=frozenset({"thinking"}),
        docs="https://www.tencentcloud.com/document/product/1300/82345",
    ),
    Vendor(
        name="stepfun",
        title="StepFun",
        base_url="https://api.stepfun.com/v1",
        api_key_env=("STEPFUN_API_KEY", "STEP_API_KEY"),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias"}),
        reasoning="reasoning",
        docs="https://platform.stepfun.com/docs",
    ),
    Vendor(
        name="baichuan",
        title="Baichuan",
        base_url="https://api.baichuan-ai.com/v1",
        api_key_env=("BAICHUAN_API_KEY",),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias", "n"}),
        docs="https://platform.baichuan-ai.com/docs",
    ),
    Vendor(
        name="lingyi",
        title="01.AI Lingyi Wanwu",
        base_url="https://api.lingyiwanwu.com/v1",
        api_key_env=("LINGYI_API_KEY", "YI_API_KEY"),
        max_tokens="max_tokens",
        unsupported=frozenset({"logit_bias", "n"}),
        docs="https://platform.lingyiwanwu.com/docs",
    ),
    Vendor(
        name="modelscope",
        title="ModelScope API-Inference",
        base_url="https://api-inference.modelscope.cn/v1",
        api_key_env=("MODELSCOPE_API_KEY", "MODELSCOPE_SDK_TOKEN"),
        base_env=("MODELSCOPE_API_BASE",),
        max_tokens="max_tokens",
        native=frozenset({"enable_thinking"}),
        docs="https://modelscope.cn/docs/model-service/API-Inference",
    ),
    Vendor(
        name="xiaomi_mimo",
        title="Xiaomi MiMo",
        base_url="https://api.xiaomimimo.com/v1",
        api_key_env=("XIAOMI_MIMO_API_KEY", "MIMO_API_KEY"),
        max_tokens="max_completion_tokens",
        native=frozenset({"thinking"}),
        docs="https://platform.xiaomimimo.com",
    ),
    Vendor(
        name="qiniu",
        title="Qiniu AI token API",
        base_url="https://api.qnaigc.com/v1",
        api_key_env=("QINIU_API_KEY",),
        base_env=("QINIU_API_BASE",),
        max_tokens="max_tokens",
        docs="https://developer.qiniu.com/aitokenapi",
    ),
)
