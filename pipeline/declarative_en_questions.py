"""Rule 7 in English: the questions, told by a clause's form and by what it comes to."""

import re

from .declarative_tables import (
    BARE_EN,
    DROPPED_EN,
    FINITE_EN,
    NOUN_VERBS_EN,
    OBJECTS_EN,
    VERBS_EN,
    alternatives,
    flat,
    words,
)

AUX_EN = flat(
    r"""
    (?:(?:is|are|was|were|do|does|did|has|have|had|could|would|should|must|might)(?:n't)?|am|can
    |will|shall|can't|won't|ain't|cannot)
    """
)
WHO_EN = r"(?:i|you|he|she|we|they|it|there|anyone|anybody|someone|everyone)"
_THING = rf"(?:{WHO_EN}|that|this|these|those|the|an?|my|your|his|her|its|our|their|any|some|all)"
_WH = r"(?:what|why|how|where|when|which|who|whose|whom|whether|if)"
_IT = r"(?:that|this|these|those|it|the|you mean|you meant|to)"
# The verb before its subject. After a comma only with a pronoun: "my aunt, who was
# there, is a nurse" is none.
_INVERTED = alternatives(
    rf"""
    (?!was an? |did (?:the|my|a|an|some|all|that)\b(?!.* (?:have|get|find|know|make|take|go|see
        |say|come|give|leave|ever
        |really|live|work|win|die|build|use|write|like|want|need|happen|begin|start|end|become
        |keep|tell|eat|look|help|lose
        |fall|play|change|call|ask|try|move|pay|speak)\b))(?:is|are|was|were|does|did|do|could
        |would|should|can|will
        |shall)(?:n't)? {_THING}\b(?<!did my)(?! trick\b| job\b| best\b)
    |do (?:people|kids|children|folks|men|women)\b|(?:can't|won't|ain't|must|mustn't|am|may|might
        |cannot) (?:i|there|you|we|he|she|it|they|that)\b
    |(?:have|has|had)(?:n't)? (?:i|you|he|she|we|they|it|anyone|anybody|there)\b
    |(?:have|has|had)(?:n't)? (?:the|my|your|those|these|that) .*\b(?:ever|been|gone|always)\b
    """
)
_INVERTED_LATER = alternatives(
    rf"""
    (?:is|are|was|were|can|could|would|should|will|do|am|have|isn't|aren't|don't|won't
        |can't) (?!there$){WHO_EN}\b
    |(?:does|did) (?:you|he|she|we|they|it|that|this|my|the|anyone|anybody)\b
    |(?:can|could|would|should|will) (?:the|my|your|that|this|those|these)\b
    |(?:is|was) (?:that|this) (?:safe|ok|okay|right|true|normal|all|why|so|possible|correct|it)\b
    |(?:is|are) (?:the|my) (?:[\w'-]+ ){{1,3}}(?:still|right|ok|okay|correct|safe|enough|true)\b
    """
)
# A clause that opens with one of these has its subject behind the verb, or none.
_OPENERS = words(
    """
    is are was were isn't aren't wasn't weren't can could will would should shall can't couldn't
    won't wouldn't shouldn't does did doesn't didn't do
    """
)
_NEGATED_IS = re.compile(
    r"(?:isn't|wasn't) (?:(?:my|his|her|our|everyone's) "
    r"(?:cup|thing|idea|style|taste|problem|business|favou?rite"
    r"|fault|day)|exactly|easy|always|really|the b)"
)
# What can stand after a question word whose subject follows it: no question by itself.
_QUESTION_EN = alternatives(
    rf"""
    # A question word, and the verb before its subject.
    (?:what|where|when|why|how|whom?|whose) (?:else |exactly |on earth )?{AUX_EN} {_THING}\b
    |(?:what|where|why|how|who|when)(?:'s|'re|'d|'ll) (?!more\b|worse\b)(?!.* (?:is|was|are)\b)
    |(?:what|where|when|why|how) (?:is|are|was|were|do|does|did)\b(?!.* (?:is|was|are|were)\b)
    |(?:what|how|which|whose)(?: (?!{WHO_EN} |the |my |that )[\w'-]+){{1,4}}? {AUX_EN} {_THING}\b
    |(?:what|where|when|why|how) (?:can|could|would|should|will|does|did|has
        |have)(?:n't)?\b(?!.* (?:is|was
        |did|will)\b)|how (?:can|could|would|should|will|does|did|do|has|have)\b
    |(?:what|which|how many|how much) (?!{WHO_EN} |(?:the|my|our|your|his|her|their|that|people
        |everyone
        |everybody|nobody|most|some|really|always|no)\b)[\w'-]+ (?:(?!(?:that|this|it|the|i|we|you
        |they|he|she|those)\b)[\w'-]+ )??(?:do|does|did|can|could|should
        |would|will|has|have|are|is|was|were)\b
    |(?:has|have)(?:n't)? (?:the|your|that|this|his|her|my|their
        |[a-z]+s?) (?:[\w'-]+ ){{0,3}}(?:done|been
        |gone|made|taken|given|seen|come|left|won|found|become|written|changed|started|finished
        |arrived|improved)\b(?!.*\b(?:once|twice|times|ever since)\b)
    |(?:what|which) (?:kind|sort|type|colou?r|size|year|time|day|age)s?\b(?!.* (?:is|was) (?:a|my
        |the
        |beyond)\b)
    |who (?!knows$|knew$|i |we |you |he |she |they )\w(?!.* is (?:beyond|a mystery))
    |which (?!(?:is|was) (?:why|what|how|where|exactly|fine|nice|great|good|odd|funny|a|the)\b|i[ ]
        |we |he |she |they |reminds|means|makes|made|explains|would|brings|leaves|by the way)\w
    |what (?:about|if|else|for|next|now)\b|(?:and )?then (?:what|who|where)$|(?:what|how)$
    |how (?:about|come|so|to|else)\b|(?:and )?(?:why|when|where|who)$|why (?:not|bother|so
        |on earth)\b
    |how (?:many|much) (?:[\w'-]+ )?(?:people|\w+s|time|money|\w+) (?:live|work|go|come|visit|use
        |need
        |fit|are|is)\b|how (?:much|many|far|long|often|old|soon|big)(?: [\w']+){{0,3}}$
    |where (?:to|from|else)\b
    |(?:in|at|on|for|from|to|by|with|about|since|of) {_WH} .*\b{AUX_EN} {_THING}\b
    |(?:in|at|on|for|from|to|by|with|until|since) (?:how (?:many|much|long)|which|what|whom|whose)
        (?: [\w'-]+){{0,2}}$
    # Questions that leave their verb out.
    |(?:since when|says who|meaning what|like what|for how long|by whom)\b|any (?:idea|chance|luck
        |tips|advice|word
        |news|other|ideas|suggestions?)\b(?! (?:is|would|was|will)\b)
    |any (?:particular|good|special) \w+s?(?: \w+){{0,2}}$|anything (?:for|else|i (?:should|can
        |need)|on|new)\b(?!.* (?:is|would|was|will)\b)
    |(?:anyone|anybody) (?:know|want|else|seen|here|remember|hungry|up for)\b|you mean\b(?! well
        | it$| a lot| the world)
    |ever (?:been|tried|seen|heard|had|wonder|notice|thought|eat|\w+ed)\b
    |(?:wanna|want (?:some|to|a|me)|mind if|care (?:to|for)|got (?:any|a (?:minute|second|moment
        |sec
        |pen))|guess (?:what|who|where|how|which)|sorry,? (?:what|the what)|the what|know (?:any
        |what
        |how|who|where|if|anyone|anybody|a good)|remember (?:what|how|who|where|when|that time)
        |need (?:any|a hand|me|some help)|see what (?:i|you) mean|feel like (?:playing|going
        |watching
        |having|a (?:game|walk|coffee|drink))|seen (?:my|the)|hear that|happy (?:now|with that)$)\b
    |(the|this|that|an?|in|on|at|by|with|for|before
        |after) (?:[\w'-]+ ){{1,4}}or \1 (?!.*\b(?:is|are|was|were|will|would
        |works?)\b)(?:[\w'-]+ ?){{1,4}}$|with or without [\w'-]+$
    |before or after\b|(?!.*\b(?:whether|if)\b).*
        \b(?<!it )or (?:not|what)$|(?!.*\b(?:matter|regardless)\b).*
        \b(?:of|in|on|at|from|for|with|the) (?:which|what|whose) \w+$
    # Questions in a statement's clothes.
    |(?:i(?:'m| am|'ve| have| was|'ve been| do)? )?(?:\w+ )?wonder(?:ing
        |ed)? (?!at\b)(?:\w+ )?{_WH}\b
    |(?:i(?:'m| am| was|'ve been)? )?(?:\w+ )?wondering\b|i (?:\w+ )?wonder(?:$| about)
    |(?:i'm|i am) (?:(?:just|so|really|very|also|a bit|quite) )?curious (?:\w+ )?(?:{_WH}\b|about\b
        |to (?:know|hear))|curious (?:{_WH}|about)\b
    |(?:it|that|this) (?:\w+ )?(?:makes|made) (?:me|you|one) wonder[ ]
    |(?:i'd|i would) (?:\w+ )?be (?:\w+ )?(?:interested|curious|glad|happy|keen) to (?:know|hear
        |learn)
    |(?:what )?(?:i(?:'ve)?(?: \w+)? (?:want|wanted|need)|(?:i'd|i would) (?:\w+ )?(?:like|love
        |prefer)) to (?:know|find out|understand|ask (?:you|about|how|what|if|why))\b
    |the thing i (?:want|need) to know|(?:my|the|one) question is\b
    |(?:(?:i'm|i am|i was) )?not (?:\w+ )?(?:sure|certain|clear) (?:(?:\w+ )?{_WH} (?:{_IT}\b
        |.* ?you(?:'re|'ve| are)? (?:mean|meant|want|asking|saying))|i (?:understand|follow|get)\b)
    |(?:i )?(?:(?:still|really|just|also) )?(?:don't|do not|didn't|can't) (?:\w+ )?(?:know
        |understand
        |see|get|tell|figure out|make out|work out|remember) (?:\w+ )?{_WH} {_IT}\b
    |(?:i )?(?:still )?(?:don't|didn't) (?:\w+ )?(?:understand (?:how|the|what|your)|get (?:how
        |what|your|the (?:first
        |second|third|last|next|part|bit|point|joke|difference)))\b
    |(?:i )?(?:don't|can't) (?:\w+ )?(?:know|tell|figure out) what an? [\w' -]+ (?:is|means|does)$
    |(?:i have |i've )?(?:got )?no (?:idea|clue) (?:(?!\w+ the (?!word|name|last|first|second
        |next))(?!\w+ to ){_WH} {_IT}\b|what an? [\w' -]+ (?:is|means|does)$)
    |(?:i (?:\w+ )?have|i've got|i got|my|one(?: more)?|another
        |quick|just a|a) (?:a )?(?:\w+ )?questions?(?:$| (?:about|for|on|though|here)\b)
        |one question$
    |you (?:don't|wouldn't|couldn't) (?:(?:happen to|by any chance) )?(?:know|have|remember
        |recall) (?:(?:if|whether|where|when|who|why|how (?:far|long|old|to|many|big))\b
        |(?:the|an?|any) .*)|you (?:don't|wouldn't) happen to\b|.* by any chance$
    |i don't suppose you\b|(?:i(?:'ve been meaning|'d been meaning| meant| was going
        | wanted) )to ask (?:you|what
        |how|why|if|whether|where|when|about)\b|(?:i'm )?dying to (?:know|find out)
        |(?:i )?(?:can't remember|forgot|forget
        |don't remember) what you (?:said|told|meant)
    |(?:perhaps|maybe) you (?:know|can|could|have)\b|(?:i (?:suppose|guess|take it|bet|assume)
        |surely) you(?:'d)? (?:know|remember|don't) (?:how|where|what|who|why|if|when|a|any)\b
    |you(?:'re| are) (?:telling|saying|kidding|not (?:telling|saying))\b(?! the truth| me$)
    """
)
_AND_IS_IT = re.compile(
    r" (?:but|and) (?:is|are|do|does|did|can|could|would|should) (?:it|you|they|we|i|that)\b"
)
_WHICH_IS = re.compile(r"which (?:is|was|are|were|has|had|would|might|\w+s|\w+ed)\b")
_RELATIVE = re.compile(r"(?:who|whose|which|where|when) ")
_RELATIVE_LAST = re.compile(r"who (?:is|was|were|are) (?:an?|the) ")


def is_question(clause: str, told: str, after: list[str]) -> bool:  # noqa: PLR0911 - a return a form
    """Whether a clause is a question, by its form or by what it comes to."""
    if _NEGATED_IS.match(clause) or _had_i_known(clause, after):
        return False
    if told in {"", "oh", "so", "okay", "well", "and"}:
        if _INVERTED.match(clause) or _noun_behind_verb(clause.split()):
            return True
    elif told not in {"boy", "man", "wow"} and _INVERTED_LATER.match(clause):
        return True
    if _PAST_WONDER.match(clause) and after:
        return False  # "I always wondered why, and now I know"
    if _AND_IS_IT.search(clause):
        return True
    if told and _RELATIVE.match(clause) and (after or _RELATIVE_LAST.match(clause)):
        return False
    if told not in {"", "oh", "so", "okay", "well", "and"} and _WHICH_IS.match(clause):
        return False
    spoken = clause.split()
    if spoken[0] == "what" and _opens_subject(spoken[1:]):
        return not any(_is_verb_form(word) for word in _main(spoken[2:]))
    return _QUESTION_EN.match(clause) is not None


def _opens_subject(spoken: list[str]) -> bool:
    """Whether "what" is the subject of what follows: "bothers me", and not "types are there"."""
    if len(spoken) < 2 or spoken[0] in _BE or not _is_verb_form(spoken[0]):
        return False
    return not (spoken[0][:-1] in NOUN_VERBS_EN and (spoken[1] in FINITE_EN or spoken[1] == "of"))


_BE = words(
    "is are was were isn't aren't wasn't weren't seems seem used matter always never really"
)
_PAST_WONDER = re.compile(r"i(?:'ve)? (?:\w+ )?(?:wondered\b|wanted to know)")


def _had_i_known(clause: str, after: list[str]) -> bool:
    """As in "Had I known, I would have ..."."""
    return clause.startswith(("had ", "were ", "should ")) and bool(
        re.search(r"\b(?:would|could|might|'d|will|we|i)\b", " ".join(after))
    )


def _is_verb_form(word: str) -> bool:
    """Whether a word is a verb by its form: "bothers", "surprised", "gave"."""
    if word.endswith("s") and (
        word[:-1] in _BASE or word[:-2] in _BASE or word[:-3] + "y" in _BASE
    ):
        return True
    return (word in FINITE_EN and word not in _HELPERS) or (word.endswith("ed") and len(word) > 4)


_BASE = (
    VERBS_EN
    | NOUN_VERBS_EN
    | DROPPED_EN
    | BARE_EN
    | words(
        """
    bother count surprise strike impress happen live fall die exist win lose become cost last rise
    bite hurt snow rain belong care differ use love hate like work help sound make puzzle annoy
    frighten scare amaze interest fascinate please worry confuse concern keep go come stay
    """
    )
)
_HELPERS = words("do does did will would can could should might must may shall have has had don't")


def _main(spoken: list[str]) -> list[str]:
    """The words of a clause up to one that opens a clause in it."""
    inside = ("if", "when", "while", "because", "that", "who", "which")
    ends = [at for at, word in enumerate(spoken) if word in inside]
    return spoken[: ends[0]] if ends and ends[0] else spoken


def _noun_behind_verb(spoken: list[str]) -> bool:
    """As in "does aspirin help": a helping verb with a name or a noun behind it.

    "Will said so" and "could be worse" have none.
    """
    if len(spoken) < 2 or spoken[0] not in _OPENERS:
        return False
    first, second = spoken[:2]
    if second in BARE_EN or second in {"what", "i'd"} or second.endswith("ing"):
        return False
    if first.startswith(("is", "are", "was", "were")):
        return not _NEGATED_IS.match(" ".join(spoken[:2]))
    if first in {"did", "didn't", "do"}:
        named = first != "do" or (second.endswith("s") and second not in OBJECTS_EN)
        return named and any(word in _BASE - BARE_EN or word in _HELPERS for word in spoken[2:])
    if first == "will" and (second in FINITE_EN or second.endswith("ed") or second == "and"):
        return False
    return second not in _BASE
