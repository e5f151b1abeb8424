"""Words in the names of columns, by what a column with such a name is likely to be."""

from __future__ import annotations

TARGETS = ("target", "label")  # columns that are the target as they are named
TEXT_WORDS = frozenset([
    "text", "sentence", "sentences", "content", "contents", "comment", "comments", "review", "reviews", "body",
    "message", "messages", "tweet", "post", "posts", "document", "utterance", "question", "query", "title",
    "description", "input", "premise", "passage", "abstract", "headline",
])  # fmt: skip
TARGET_WORDS = frozenset([
    "label", "labels", "target", "targets", "class", "classes", "category", "sentiment", "gold", "truth", "answer",
    "annotation", "rating", "stars", "score", "y", "polarity", "intent", "topic", "emotion", "outcome", "output",
])  # fmt: skip
TAG_WORDS = frozenset(["tag", "tags", "ner", "pos", "entities", "spans"])
ANSWER_WORDS = frozenset(["answer", "answers"])
MASK_WORDS = frozenset(["mask", "masks", "segmentation", "segments", "map"])
RELEVANCE_WORDS = frozenset(["relevance", "relevant", "grade", "judgement", "clicked", "clicks", "purchased", "chosen"])
CLUSTER_WORDS = frozenset([
    "template", "author", "user", "speaker", "document", "doc", "session", "patient", "group", "cluster", "thread",
    "conversation", "source", "writer",
])  # fmt: skip
MODALITY_WORDS = {
    "image": frozenset(["img", "images", "picture", "photo", "pixels"]),
    "audio": frozenset(["sound", "speech", "wav", "recording"]),
}
FILE_WORDS = frozenset(["file", "filename", "filepath", "path"])
PAIRS = (
    ("premise", "hypothesis"), ("sentence1", "sentence2"), ("question1", "question2"), ("text1", "text2"),
    ("question", "sentence"), ("query", "passage"), ("question", "passage"), ("query", "document"),
)  # fmt: skip
GROUP_WORDS = frozenset(["group", "query", "question", "qid", "topic", "user", "session"])
