"""Tokenizers for pipelines with random weights: every byte is a word, nothing is downloaded.

The classes are the real ones, so that `save_pretrained` and `from_pretrained` treat them as they
treat SD3.5's own. Only their vocabularies are made here.
"""

from typing import Any


def byte_level_clip() -> Any:
    """A `CLIPTokenizer` whose tokens are single bytes, inside a word or at its end."""
    from tokenizers import pre_tokenizers
    from transformers import CLIPTokenizer

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<|startoftext|>", "<|endoftext|>", *alphabet, *(f"{byte}</w>" for byte in alphabet)]
    vocabulary = {word: i for i, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def letters_t5() -> Any:
    """A `T5Tokenizer` over printable ASCII; any other letter is unknown."""
    from transformers import T5TokenizerFast

    letters = [(chr(code), -3.0) for code in range(33, 127)]
    words = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *letters]
    return T5TokenizerFast(vocab=words, extra_ids=0, model_max_length=512)
