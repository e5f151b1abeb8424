"""Perturbations of text, from its characters to its sentences, and attacks that search for the worst of them.

A `rate` is the share of a text's spans (its words, the gaps between them, its marks) that are changed, of those that
can be. Where that is no whole number, it is rounded up or down at random, so that it holds on average. For the same
generator a higher rate changes the same spans in the same way, and more. A `severity` from 1 to 5 stands for a rate: see
`spans`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import Perturbation, Probe, Suggestion, hookimpl
from mqa_robustness.adversarial_attack.probes import Adversarial, Transfer
from mqa_robustness.perturbations.formatting import (
    alternating_case,
    extra_punctuation,
    extra_space,
    line_breaks,
    lower_case,
    missing_space,
    split_words,
    strip_accents,
    strip_line_breaks,
    strip_punctuation,
    title_case,
    upper_case,
)
from mqa_robustness.perturbations.misspellings import keyboard, ocr, typos
from mqa_robustness.perturbations.negation import negation
from mqa_robustness.perturbations.numerals import numbers_to_words
from mqa_robustness.perturbations.substitutions import (
    abbreviations,
    american_spelling,
    british_spelling,
    contractions,
    expansions,
    homophones,
    slang,
)
from mqa_robustness.perturbations.unicode_characters import (
    bidi,
    emoji_to_words,
    extra_emoji,
    homoglyphs,
    strip_emoji,
    zero_width,
)
from mqa_robustness.perturbations.word_edits import (
    extra_handle,
    extra_sentence,
    extra_url,
    filler_words,
    missing_word,
    repeated_word,
    truncate,
    word_order,
)
from mqa_robustness.suggestions import suggest_robustness

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_perturbations() -> Iterable[Perturbation]:
    yield Perturbation("typos", typos, modality="text", edits=True)
    yield Perturbation("keyboard", keyboard, modality="text", edits=True)
    yield Perturbation("ocr", ocr, modality="text", edits=True)
    yield Perturbation("upper-case", upper_case, modality="text", edits=True)
    yield Perturbation("lower-case", lower_case, modality="text", edits=True)
    yield Perturbation("title-case", title_case, modality="text", edits=True)
    yield Perturbation("alternating-case", alternating_case, modality="text", edits=True)
    yield Perturbation("strip-punctuation", strip_punctuation, modality="text", edits=True)
    yield Perturbation("extra-punctuation", extra_punctuation, modality="text", edits=True)
    yield Perturbation("extra-space", extra_space, modality="text", edits=True)
    yield Perturbation("missing-space", missing_space, modality="text", edits=True)
    yield Perturbation("split-words", split_words, modality="text", edits=True)
    yield Perturbation("line-breaks", line_breaks, modality="text", edits=True)
    yield Perturbation("strip-line-breaks", strip_line_breaks, modality="text", edits=True)
    yield Perturbation("homoglyphs", homoglyphs, modality="text", edits=True)
    yield Perturbation("strip-accents", strip_accents, modality="text", edits=True)
    yield Perturbation("zero-width", zero_width, modality="text", edits=True)
    yield Perturbation("bidi", bidi, modality="text", edits=True)
    yield Perturbation("extra-emoji", extra_emoji, modality="text", edits=True)
    yield Perturbation("strip-emoji", strip_emoji, modality="text", edits=True, requires=("emoji",))
    yield Perturbation("emoji-to-words", emoji_to_words, modality="text", edits=True, requires=("emoji",))
    yield Perturbation("extra-url", extra_url, modality="text", edits=True)
    yield Perturbation("extra-handle", extra_handle, modality="text", edits=True)
    yield Perturbation("truncate", truncate, modality="text", edits=True)
    yield Perturbation("homophones", homophones, modality="text", edits=True)
    yield Perturbation("contractions", contractions, modality="text", edits=True)
    yield Perturbation("expansions", expansions, modality="text", edits=True)
    yield Perturbation("numbers-to-words", numbers_to_words, modality="text", edits=True)
    yield Perturbation("british-spelling", british_spelling, modality="text", edits=True)
    yield Perturbation("american-spelling", american_spelling, modality="text", edits=True)
    yield Perturbation("abbreviations", abbreviations, modality="text", edits=True)
    yield Perturbation("slang", slang, modality="text", edits=True)
    yield Perturbation("filler-words", filler_words, modality="text", edits=True)
    yield Perturbation("extra-sentence", extra_sentence, modality="text", edits=True)
    yield Perturbation("word-order", word_order, modality="text", edits=True)
    yield Perturbation("repeated-word", repeated_word, modality="text", edits=True)
    yield Perturbation("missing-word", missing_word, modality="text", edits=True)
    yield Perturbation("negation", negation, modality="text", target_effect="changes", edits=True)


@hookimpl
def mqa_probes() -> Iterable[Probe[Any]]:
    return [Adversarial(), Transfer()]


@hookimpl
def mqa_suggestions() -> Iterable[Suggestion]:
    yield Suggestion("robustness", suggest_robustness)
