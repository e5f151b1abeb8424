"""Generation: the tokens of a batch of prompts by greedy decoding, sampling or beam search.

Every token is chosen here, from logits, so that all backends choose alike. A row that ends leaves the batch, and what is
chosen for a row does not depend on others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions import BeamSearch, Sampling
from mqa_registry.execution.inference.decoding.beam_search import search_beams
from mqa_registry.execution.inference.decoding.sampling import RowSampler
from mqa_registry.execution.inference.decoding.sequences import GeneratedSequence, log_softmax, to_outputs
from mqa_registry.execution.inference.decoding.steps import DecoderSteps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Codec, Generation
    from mqa_registry.contributions.task import Batch, Encoded, Outputs

    Floats: TypeAlias = npt.NDArray[np.floating[Any]]
    Choose: TypeAlias = Callable[[Floats, Sequence[int]], npt.NDArray[np.int64]]


def generate(
    codec: Codec, mode: Generation, run: Callable[[Batch], Outputs], rows: Sequence[Encoded], keys: Sequence[bytes]
) -> Outputs:
    """The outputs of a generation for a batch of encoded rows, as `Generation` describes them.

    `run` maps a batch to outputs. `keys` say what each row is: sampling draws by them.
    """
    steps = DecoderSteps(mode, run, codec.collate(rows))
    decoding = mode.decoding
    if isinstance(decoding, BeamSearch):
        return to_outputs(search_beams(steps, mode, decoding, codec.process_logits), decoding.length_penalty)
    choose = RowSampler(decoding, keys).choose if isinstance(decoding, Sampling) else _most_probable
    return to_outputs(_extend(steps, mode, codec, choose))


def _most_probable(logits: Floats, rows: Sequence[int]) -> npt.NDArray[np.int64]:
    tokens: npt.NDArray[np.int64] = np.argmax(logits, axis=-1)
    return tokens


def _extend(steps: DecoderSteps, mode: Generation, codec: Codec, choose: Choose) -> list[GeneratedSequence]:
    """The sequence of each row, extended by one chosen token a step until it ends."""
    sequences = [GeneratedSequence()] * steps.rows
    running = list(range(steps.rows))  # the rows that are still in the batch, in its order
    for number in range(mode.max_new_tokens):
        logits = codec.process_logits(steps.run(), [sequences[row].tokens for row in running])
        log_probabilities = log_softmax(logits)
        valid: npt.NDArray[np.bool_] = np.logical_not(np.any(np.isnan(log_probabilities), axis=-1))
        tokens = choose(np.where(valid[:, None], logits, 0.0), running)
        for place, row in enumerate(running):
            token = int(tokens[place])
            if valid[place]:
                sequences[row] = sequences[row].append(token, float(log_probabilities[place, token]))
            else:
                sequences[row] = sequences[row].invalidate()
        going_on = np.flatnonzero(valid & ~np.isin(tokens, mode.end_tokens))
        if not len(going_on) or number + 1 == mode.max_new_tokens:
            break
        running = [running[place] for place in going_on]
        steps.advance(going_on, tokens[going_on])
    return sequences
