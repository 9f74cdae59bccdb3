"""Marks: how a question refers to what stands in its conversation already, so that nothing needs to be said twice.

    [answer 2 above]      the answer to the second question of this conversation
    [text 1.3 above]      the third marked text of its first question, which stands there between
    [text 1.3] ... [end of text 1.3]

They are words for a model to read. `expanded` puts everything back in its place: what it returns is the question as it
was before it became part of a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ANSWER_TOKENS, TEXT_TOKENS, MARKING_TOKENS = 4, 4, 8
"""About how many tokens a mark is, and the two around a text."""

_MARKED = re.compile(r"\[text (\d+\.\d+)\]\n(.*?)\n\[end of text \1\]", re.DOTALL)
_ANY = re.compile(r"\[(?:end of )?(?:answer|text) \d+(?:\.\d+)?(?: above)?\]")
_ABOVE = re.compile(r"\[(answer|text) (\d+(?:\.\d+)?) above\]")


def answer_above(question: int) -> str:
    """What stands for the answer to a question of the conversation, counted from 1."""
    return f"[answer {question} above]"


def text_above(question: int, text: int) -> str:
    """What stands for a marked text of a question, both counted from 1."""
    return f"[text {question}.{text} above]"


def around(question: int, text: int) -> tuple[str, str]:
    """What stands before and behind a text so that it can be referred to."""
    return f"[text {question}.{text}]\n", f"\n[end of text {question}.{text}]"


def expanded(questions: Sequence[str], answers: Sequence[str]) -> str:
    """The last of the questions with every mark replaced by what it stands for.

    A mark that leads nowhere stays as it is: it is words, and may have been somebody's own.

    Args:
        questions: of one conversation, oldest first.
        answers: to all of them but the last.
    """
    known = {f"answer {number}": answer for number, answer in enumerate(answers, 1)}
    whole = ""
    for question in questions:
        whole = ""
        place = 0
        for text in _MARKED.finditer(question):
            known[f"text {text[1]}"] = inner = _filled(text[2], known)
            whole += _filled(question[place : text.start()], known) + inner
            place = text.end()
        whole += _filled(question[place:], known)
    return whole


def holds_mark(text: str) -> bool:
    """Whether a text refers to its conversation, or marks a part of itself for others to refer to."""
    return _ANY.search(text) is not None


def _filled(text: str, known: dict[str, str]) -> str:
    return _ABOVE.sub(lambda mark: known.get(f"{mark[1]} {mark[2]}", mark[0]), text)
