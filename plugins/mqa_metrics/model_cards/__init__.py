"""Model cards: the metrics that the `model-index` of a card claims are measured, and measured ones are written to it.

A card is a `README.md` whose front matter the Hugging Face hub reads.
"""

from mqa_registry import AmendingReporter, Report


def _amend_card(report: Report, card: str) -> str:
    from mqa_metrics.model_cards.model_index import amend_card

    return amend_card(report, card)


MODEL_CARD = AmendingReporter(amend=_amend_card)
