"""Text as token ids: what a tokenizer loses, adds or forges, by small tokenizers of each kind."""

import json

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from flamingo_trainer.data.markers import encode_row_by_markers
from flamingo_trainer.data.render import IGNORED, encode_prompt, encode_row
from flamingo_trainer.data.tokens import check_nothing_lost, tokenise, tokenise_within
from flamingo_trainer.failures import Failure
from flamingo_trainer.models.tiny import make_tokenizer

DEFAULT = {"kind": "default"}
CODE = [
    {"role": "user", "content": "Add."},
    {"role": "assistant", "content": "def add(a, b):\n    return a + b"},
]
TURNS = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def sentencepiece(template=TURNS, normaliser=None, letters="", **options):
    """Pieces of one letter and `\u2581`, as SentencePiece makes them, with `\u2581x` for common letters."""
    alphabet = "".join(chr(i) for i in range(33, 127)) + "\u2581\n\u00e9" + letters
    joined = [f"\u2581{letter}" for letter in "abdefr<{[A"] + ["]\u2581", "><"]
    vocabulary = {piece: i for i, piece in enumerate(["<unk>", *alphabet, *joined])}
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[(piece[0], piece[1]) for piece in joined], unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.Fuse(), decoders.Strip(" ", left=1)]
    )
    if normaliser is not None:
        tokenizer.normalizer = normaliser
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>", chat_template=template, **options
    )


def trained(made, row):
    return made.decode([label for label in row.labels if label != IGNORED])


def stops(made):
    return [made.eos_token_id]


@pytest.fixture
def declared_as_another(tmp_path):
    """A tokenizer that spells bytes, whose file says that it is one of SentencePiece's."""
    make_tokenizer().save_pretrained(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "tokenizer_class": "LlamaTokenizerFast"}))
    return AutoTokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize("encode", [encode_row, encode_row_by_markers])
def test_blanks_that_a_wrongly_declared_tokenizer_drops_are_noticed_with_row_and_place(declared_as_another, encode):
    lost = declared_as_another.decode(tokenise(declared_as_another, "def add(a, b):"))
    assert lost != "def add(a, b):"  # the trap exists in this version of transformers
    with pytest.raises(Failure, match=r"row 3: the tokenizer loses text: .* differs at character \d+") as caught:
        encode(declared_as_another, stops(declared_as_another), 3, CODE, DEFAULT, 1000)
    assert caught.value.kind == "config"
    with pytest.raises(Failure, match="loses text"):
        encode_prompt(declared_as_another, CODE[:1], DEFAULT)


def test_a_character_that_a_tokenizer_does_not_know_is_noticed():
    made = sentencepiece()
    with pytest.raises(Failure, match=r'loses text: "a flamingo \u00df" becomes "a flamingo<unk>"'):
        check_nothing_lost(made, "a flamingo \u00df", tokenise(made, "a flamingo \u00df"))


def test_a_tokenizer_without_capitals_is_noticed():
    made = sentencepiece(normaliser=normalizers.Lowercase())
    with pytest.raises(Failure, match='"A bird" becomes "a bird", which differs at character 1'):
        check_nothing_lost(made, "A bird", tokenise(made, "A bird"))


@pytest.mark.parametrize(("normaliser", "text"), [
    (None, " the first blank is the beginning's own"),
    (normalizers.NFC(), "e\u0301t\u00e9"),
    (normalizers.NFKC(), "\uff41\uff42"),
])  # fmt: skip
def test_what_a_tokenizer_says_of_itself_is_no_loss(normaliser, text):
    made = sentencepiece(normaliser=normaliser, letters="\u0301")
    check_nothing_lost(made, text, tokenise(made, text))


def test_special_tokens_may_take_blanks_along():
    from tokenizers import AddedToken

    made = make_tokenizer()
    made.add_special_tokens({"eos_token": AddedToken("<|end|>", rstrip=True, special=True, normalized=False)})
    text = "Why?<|end|>\nBecause."
    assert made.decode(tokenise(made, text)) != text
    check_nothing_lost(made, text, tokenise(made, text))


@pytest.mark.parametrize("answer", ["<a> b", "{a}", "A bird", "a\nb", "zebra"])
def test_an_answer_behind_a_header_that_ends_in_a_blank_gets_no_blank_of_its_own(answer):
    made = sentencepiece()
    messages = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": answer}]
    row = encode_row(made, stops(made), 1, messages, DEFAULT, 1000)
    prompt = encode_prompt(made, messages[:1], DEFAULT)
    assert row.ids[: len(prompt)] == prompt
    assert not made.convert_ids_to_tokens(row.ids[len(prompt)]).startswith("\u2581")
    assert made.decode(row.ids) == f"[user] Why?</s>[assistant] {answer}</s>"
    assert trained(made, row) == f"{answer}</s>"


def test_an_answer_whose_first_sign_joins_with_the_header_gets_no_blank():
    made = sentencepiece(
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    messages = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "<b>"}]
    row = encode_row(made, stops(made), 1, messages, DEFAULT, 1000)
    assert [made.convert_ids_to_tokens(label) for label in row.labels if label != IGNORED] == ["<", "b", ">", "</s>"]


def test_within_other_text_a_byte_spelling_tokenizer_splits_as_alone():
    made = make_tokenizer()
    assert tokenise_within(made, "\n\nthe answer") == tokenise(made, "\n\nthe answer")
