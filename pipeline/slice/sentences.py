"""The sentences of a text, by sentencex (Wikimedia's rule-based splitter)."""

from .words import Span


def sentence_spans(text: str, language: str) -> list[Span]:
    """Where the sentences of a text stand, in order, without white space at their edges.

    Args:
        text: of one language.
        language: `en` or `zh`.
    """
    import sentencex

    spans: list[Span] = []
    position = 0
    for piece in sentencex.segment(language, text):
        begin = text.index(piece, position)
        position = begin + len(piece)
        words = piece.strip()
        if words:
            first = begin + piece.index(words)
            spans.append((first, first + len(words)))
    return spans
