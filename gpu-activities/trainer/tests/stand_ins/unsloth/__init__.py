"""Stands in for Unsloth, which needs a GPU: the same two calls, done by transformers and PEFT in fp32.

Keeps what it was called with in `calls`; loads in fp32 whatever it is asked, so that sums can be compared closely. As
the real one it writes the target modules as a pattern and another base model's name into the adapter's configuration.
"""

import sys
from typing import Any

assert "transformers" not in sys.modules or "pytest" in sys.modules, "Unsloth must be imported before transformers"

calls: list[tuple[str, dict[str, Any]]] = []


class FastLanguageModel:
    @staticmethod
    def from_pretrained(model_name: str, **options: Any) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        calls.append(("from_pretrained", {"model_name": model_name, **options}))
        model = AutoModelForCausalLM.from_pretrained(model_name, dtype=torch.float32, attn_implementation="eager")
        return model, AutoTokenizer.from_pretrained(model_name)

    @staticmethod
    def get_peft_model(model: Any, **options: Any) -> Any:
        import torch
        from peft import LoraConfig, get_peft_model

        calls.append(("get_peft_model", dict(options)))
        torch.manual_seed(options.pop("random_state"))
        options.pop("use_gradient_checkpointing")
        wrapped = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options))
        wrapped.peft_config["default"].target_modules = "(?:.*?proj)"
        wrapped.peft_config["default"].base_model_name_or_path = "somebody/another-upload"
        return wrapped
