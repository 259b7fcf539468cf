"""A tiny random chat model that loads in no time, for tests of everything but what a model says.

    python -m flamingo_trainer tiny-model OUT

Two Llama-like layers of width 32 and a byte-level tokenizer of some 400 tokens. Its ChatML template inserts a default
system prompt, as Qwen2.5's does, and its tokenizer joins two newlines to one token, as Qwen2.5's does: both are traps
worth having in a test. Equal bytes on every run. Untrained, so it talks noise.
"""

import json
from pathlib import Path

from ..files import whole_folder

TEMPLATE = (
    "{%- if messages[0]['role'] != 'system' %}"
    "{{- '<|im_start|>system\\nYou are a tiny model. You know nothing.<|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)

# Joined to tokens of their own, left to right; whatever else comes up is spelled in bytes.
WORDS = ["\n\n", "system", "user", "assistant", " flamingo", " you", " the", " and", " answer", " question"]

# Qwen2.5's: words, single digits, punctuation, runs of newlines.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def make_tokenizer(template: str = TEMPLATE):
    """A byte-level ChatML tokenizer; special tokens `<|endoftext|>` (padding), `<|im_start|>`, `<|im_end|>` (end)."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    merges: list[tuple[str, str]] = []
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for word in WORDS:
        pieces = list(spell.pre_tokenize_str(word)[0][0])
        while len(pieces) > 1:
            if (pieces[0], pieces[1]) not in merges:
                merges.append((pieces[0], pieces[1]))
            pieces[:2] = [pieces[0] + pieces[1]]
            vocabulary.setdefault(pieces[0], len(vocabulary))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated"), spell])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        padding_side="left",
        chat_template=template,
    )


def make(out: Path) -> None:
    """Writes the model's folder, whole or not at all. An existing one is left alone."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    if (out / "config.json").is_file():
        print(f"{out} is there already")
        return
    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        initializer_range=0.2,  # large, so that answers depend on prompts
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    # wrong on purpose: a model's own sampling settings must never apply
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=0.1,
        top_k=3,
        repetition_penalty=1.5,
        eos_token_id=[tokenizer.eos_token_id, tokenizer.pad_token_id],
        pad_token_id=tokenizer.pad_token_id,
    )
    with whole_folder(out) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    print(json.dumps({"folder": str(out), "parameters": sum(p.numel() for p in model.parameters())}))
