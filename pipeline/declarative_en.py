"""Rule 7 in English: questions and requests, with or without their mark."""

import re

from .declarative_en_questions import AUX_EN, WHO_EN, is_question
from .declarative_en_requests import asks
from .declarative_tables import DROPPED_EN, QUESTION, REQUEST, TASK, alternatives, words

# Words that nearly every English sentence of some length holds, and the commonest
# words of the languages a model slips into.
_ENGLISH = words(
    """
    a about after all also am and any are as at back be because been but by can could did do
    does even ever for from get go good got had has have he her here him his how i i'd i'll
    i'm i've if in into is it it's its just last like made make me more most much my never new
    nice no not now of off oh old on one only or other our out over really right said say see
    she so some still take thank thanks that that's the their them then there they this those
    though to too up us very was we well went were what when where which while who whole why
    will with yes you your
    """
)
_NOT_ENGLISH = words(
    """
    je il elle nous vous ils le les une des du et est c'est j'ai j'aime qui que ce mais avec
    dans sur très pas mon ma el los las y es pero con muy mi mis por para mucho gusta estoy yo
    como ich er sie wir ihr der das den ein eine und ist nicht mit auf sehr mein meine
    aber auch gli è sono che molto mio della eu não muito meu com uma gosto het een ik niet
    maar och det är merci gracias danke grazie obrigado bonjour hola beaucoup
    cette ces cet tout tous vraiment j'adore c'était está tengo tiene abuela fue war hatte habe
    einen mir dir gestern heute questa questo bella ho ha gli nella ja nej och também ontem mijn
    """
)
_TASK_EN = alternatives(
    r"""
    ^(?:the )?(?:user|assistant|human|ai|bot|speaker|(?:declarative )?statement|remark|response
        |reply|answer|output|sentence|utterance|comment|example|translation|person)(?: ?\w)? ?:
    |\b(?:as|i am|i'm) an? (?:\w+ ){0,2}(?:ai|language model|assistant|chatbot)\b
    |\b(?:here(?:'s| is| are)|this is|that was|that is|below is) .*\b(?:statement|remark|sentence
        |utterance|comment|reply)s?\b(?=:| that| which| about| for you|$)
    |\bthe (?:user|speaker) (?:says?|said|states?|(?:re)?marks?|mentions?|thinks|thought|feels
        |felt|agrees|repl|respond|asks?|wants?|shares|is|was|just|makes|expresse[sd]|comments)
    |\bthe assistant (?:says|replies|responds|answers|explains|is (?:speak|talk|explain))
    |\bdeclarative\b|\bnon-?query\b|\bin (?:this|the) (?:dialogue|conversation|scenario
        |context)\b
    |\b(?:needs?|requires?|expects?|wants?) (?:no|an|any) (?:answer|reply|response)\b
    |\b(?:no|an?) (?:answer|reply|response) (?:is |was )?(?:needed|required|necessary|expected)\b
    |^(?:final answer|listener|person|role|text|sentence|line|item|rewritten)(?: \w+)? ?:
    |\b(?:as|being|i am|i'm|you are|you're) (?:just |only |merely |nothing but )?an? (?:\w+ ){0,2}?
        (?:ai|language model|chatbot|bot|robot|computer program|neural network|intelligence
        |(?:ai|virtual|voice|digital|automated) assistant|machine|piece of software|program
        |computer)(?=[ ]*(?:$|[,.:;!]|and |so |but |i |after ))
    |\b(?:my|your) (?:training data|system prompt|developers|knowledge cutoff|programming)\b
    |\b(?:contains|has) no question|\b(?:the|a) (?:user|listener|human|assistant) (?:mentions
        |remarks|comments|expresses|agrees|responds|acknowledges|would|might say|could say)\b
    |^as the (?:user|listener|speaker|assistant|human)\b(?! manual)|^in the role of\b
        |user's point of view
    |\b(?:statements?|remarks?|sentences|utterances|lines|examples) (?:for you |i'd like you )?to
        (?: label| classify| sort)\b|\b(?:a|one) statement or a question\b
    |\b(?:need|have|required|supposed) to (?:answer|reply|respond)$
    |^as (?:the |an? )?(?:user|speaker|listener|assistant)(?:,| in\b)|^(?:sure|certainly
        |of course|okay)[,!.] here(?:'s| is| are)\b
    """
)
# Words before a clause that do not change what it is.
_LEAD_EN = re.compile(
    r"\A(?:(?:so|well|oh|ok|okay|um|uh|hmm|and|but|or|hey|anyway|actually|sorry|alright|roughly|maybe|perhaps"
    r"|seriously|honestly|wait|yeah|yes|ah) )+"
)
_LEAD_VERB_EN = re.compile(
    r"\A(?:(?:now|just|then|also|first|next|quickly|kindly|always|instead) )+"
)
_TAG_EN = re.compile(
    rf"(?:{AUX_EN}) (?:not )?(?:{WHO_EN}|that|this)|right|correct|yeah|huh|eh|innit|okay|ok|no|yes"
    r"|am i (?:right|wrong)|or (?:am|is|are|was|did|does) \w+(?: \w+)?"
    r"|(?:don't|wouldn't) you (?:think|agree|say)"
)
# An exclamation or a manner of speaking, when the sentence goes on behind it.
_SAYING = re.compile(
    r"(?:who (?:knew|knows|cares|would have (?:thought|known|guessed|believed)|'d have thought)"
    r"|what (?:can|could|shall|else can) i say|what do (?:you|i) know|why not|guess what|how about"
    r" that|what the (?:heck|hell)|would you believe it|can you believe it|don't ask(?: me why)?"
    r"|wouldn't you know(?: it)?|tell me about it|who am i kidding|what are the odds)(?: but)?"
)
# A whole text without a verb that leans on what was said: "and the second one".
_FRAGMENT = re.compile(
    r"(?:and|or|but) (?:the|that|those|these|in|on|at|for|with|without|after|before|if|during|from)"
    r"(?: (?!too$|either$|also$|that's\b|it's\b|was\b|is\b|were\b|are\b)[\w'-]+){0,5}"
    r"(?<!too)(?<!as well)(?<!either)(?<!again)"
    r"|even (?:on|in|at|for|with) [\w'-]+(?: [\w'-]+)?"
    r"|(?!rain or|sooner or|more or|one or|two or|three or|now or|all or|win or|day or|four or)"
    r"[\w'-]+ or [\w'-]+"
)


def fault_en(text: str) -> str | None:
    """The fault of an English text that holds no question mark and is not wrapped."""
    spoken = re.findall(r"[a-zàâçèéêëîïñòôöùûüß']+", text.lower())
    known = len([word for word in spoken if word in _ENGLISH])
    foreign = len([word for word in spoken if word in _NOT_ENGLISH])
    other = 0 if text.isascii() else len(_OTHER_LETTERS.findall(text))
    if other * 2 > len(spoken) or foreign > known or (len(spoken) > 6 and not known):
        return "not English"
    low = text.lower()
    if _TASK_EN.search(low):
        return TASK
    sentences = [cut for cut in _SENTENCES.split(low) if cut.strip()]
    for sentence in sentences:
        # The commas of "we sing, dance, and play" part no clauses.
        listed = _LISTED.sub(r" \1 \2 ", sentence)
        clauses = [clause.strip(" ,()*'\"") for clause in _CLAUSES.split(listed)]
        if len(sentences) == 1 == len(clauses) and _FRAGMENT.fullmatch(clauses[0]):
            return QUESTION
        for at, clause in enumerate(clauses):
            found = _clause_en(clause, clauses[:at], clauses[at + 1 :])
            if found:
                return found
    return None


_OTHER_LETTERS = re.compile(r"[^\W\d_\u0000-\u024f]")
_SENTENCES = re.compile(r"[.!…;:—–]+(?:\s+|$)| - |—")
_LISTED = re.compile(r", (\w+(?: \w+)?), (and|or) (?!\w+ me\b)")
_CLAUSES = re.compile(r",\s*|\s(?=but (?:tell|give|show) me)")
_SO_DO_I = re.compile(
    r"(?:so|neither|nor|as) (?:do|does|did|have|has|had|is|are|was|were|can|will|would|am)\b"
    r" (?:\w+$|(?:half|most|all|my|our|his|her|every|the rest)\b)"
)


def _clause_en(clause: str, before: list[str], after: list[str]) -> str | None:  # noqa: PLR0911 - a return a form
    """The fault of one clause, told what stands before and after it in its sentence."""
    told = " ".join(before)
    if not after and _ASSERTED.match(told) and _TAG_EN.fullmatch(clause):
        return QUESTION
    if _SO_DO_I.match(clause):
        return None  # "so did half of my class"
    guarded = _MAYBE_YOU.match(clause)
    clause = _LEAD_EN.sub("", clause, count=1)
    if not clause or (
        after and (_SAYING.fullmatch(clause) or clause in {"wait", "listen", "look", "why"})
    ):
        return None
    if after and clause in _PLACES and len(after[0].split()) > 2:
        return None  # "outside, it was raining"
    if guarded or is_question(clause, told, after):
        return QUESTION
    if asks(clause) and clause.startswith("next "):
        return REQUEST
    clause = _LEAD_VERB_EN.sub("", clause, count=1)
    first = clause.partition(" ")[0]
    if first in DROPPED_EN or first in {"could", "would"}:
        clause = "i " + clause  # "hope it stays dry", "could use a hand"
    # "I like to swim, read and cook"; "it helps us find, keep and sort them"
    coordinate = before and (
        _TO_VERB.search(before[-1])
        or (_TO.search(before[0]) and any(one.startswith(("and ", "or ")) for one in after))
    )
    return REQUEST if not coordinate and asks(clause) else None


_ASSERTED = re.compile(r"(?:\S+ ){2}\S|(?:so )?(?:you|he|she|it|they|that|this|we)\b")
_MAYBE_YOU = re.compile(
    r"(?:and )?(?:perhaps|maybe) (?:(?:with|in|without) (?:fewer|less|more|simpler)"
    r"|you (?:know|can|could|have)\b"
    r"|(?:something|some) (?!day|time|of|people|one)"
    r"(?!.* (?:is|was|are|were|has|have|will|would|did)\b))"
)
_TO = re.compile(r"\b(?:to|can|will|would|could|help|helps|helped) ")
_PLACES = words("inside outside upstairs downstairs again next enough") | {"over here", "this way"}
_TO_VERB = re.compile(r"\b(?:to|can|will|would|could|just|do is) [a-z]+$")
