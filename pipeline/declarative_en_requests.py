"""Rule 7 in English: the requests, told by a clause's first words."""

import re

from .declarative_tables import (
    ADJECTIVE_VERBS_EN,
    FINITE_EN,
    NOUN_VERBS_EN,
    OBJECTS_EN,
    VERBS_EN,
    alternatives,
    flat,
    words,
)

# What a listener asks an assistant for.
_WANTED = flat(
    r"""
    (?:versions?|summary|lists?|recipes?|details?|examples?|translation|explanation|answer|steps
    |gist|tips|advice|recommendations?|suggestions?|ideas|help|repeat|reminder|alarm|timer
    |music|songs?|story|joke|poem|playlist|overview|directions|reservation|definition|forecast
    |table for \w+|taxi|headlines|numbers|hint|outline|explanations|break-?down)\b
    """
)
# What a listener tells an assistant to do to its talk.
_TALK = flat(
    r"""
    (?:skip|stop|repeat|tell (?:me|us)|explain|slow|speak|speed|continue|go (?:on|back|over|into
    |ahead)|give (?:me|us)|show (?:me|us)|list|read (?:me|it|that|the)|spell|leave (?:that|out|it)
    |summari[sz]e|move on|start (?:over|again|with|from)|drop (?:the|that)|turn (?:on|off|up|down
    |it|that|the)|send (?:me|it|that)|write (?:me|that|it)|play (?:me|that|some|the)|add|talk about
    |talk (?:a|more|slow|loud|to me)|describe|say (?:it|that|the)|name|translate|shorten|simplify
    |clarify|rephrase|pause|help (?:me|us)|change|switch|keep (?:it|going|the|that)|remind|define
    |elaborate|mention|cancel|be (?:more|a bit
    |a little|quiet|brief))\b
    """
)
# Clauses that begin like a command and are none.
_IDIOMS = alternatives(
    r"""
    call (?:me|it|us) (?!at|on|back|a cab|a taxi|an|when|later|tomorrow|tonight|if|up)|fancy
    |never mind$|mind you\b|believe|trust me|say (?:what you (?:will|like|want)|no more)|go figure
    |come (?:to think|rain|what may|hell|monday|tuesday|wednesday|thursday|friday|saturday|sunday
        |winter|summer|spring|autumn|fall|evening|morning|night|christmas)
    |(?:just )?imagine (?:that|my|the|how)|let alone|bless|thank|excuse (?!me)|pardon (?:me|my|the)
    |excuse me$|forgive (?:me|my)$
    |let me (?:think|see|guess|check|tell|put|just|say|finish|look|try|write|get this|sleep)
    |let's (?:just )?(?:say|face it|be honest|hope|see|not kid)
    |take (?:my|it from|care$)|leave it to|count me|ask (?:anyone|anybody|my (?!mom|mum|dad|father
        |mother)|around)|try as|give or take|live and
    |don't (?:get me (?:wrong|started)|mind me|worry|know|think|remember|have|care|mind if|see why
        |i |really|even|like|want|need|believe)|make no
    |put (?:simply|differently|that way|it this way|another way)|have to (?:say|admit)|look who
    |find (?:it|that|this) (?!on|in|for|and|out|again)|keep (?:forgetting|thinking|losing|hearing
        |meaning|wanting)|be that as|do i |do love|get this|have (?:an?|the|some|one|two|to|my)[ ]
    |see (?:that|you)|get (?:it|that)$|think (?:that|it|so|i)|you can say that again|let it go$
    |give (?:me|him|her|them) .* any ?day|(?:had|got|used|save for|take that)[ ]|speak of
    |guess (?!what|who|where|again|how|which)|welcome|rest (?:in|is|assured)|time (?!to|for|it)
    |help (?:is|was|came)|wait till|show (?:business|time)|easy|mark my|share and|meet my
    |set (?:in|against|among|high|on a)[ ]|read (?:that|it|about it|this) (?:in|on|somewhere|once
        |years|last|yesterday|as)\b(?! english| french| reverse| order)|cut (?:from|above)
    |put (?:it off|on (?:a|some) (?:few|weight|\w+ (?:kilos|pounds)))|hit (?:the|my|a) \w+ (?:on
        |yesterday|last)|split (?:my|the) \w+ (?:with|yesterday|last)|lead the|double (?:trouble|or
        |standards)|free (?:time|of)
    |tell me about it$|knock on|touch wood|be it$|(?!enough|more|get|make|think|take|let
        |be)\w+ of\b|back (?!up|off|away|it)|(?:work|fish|water|rain|rock|film|phone|plant|date
        |travel|race|sleep|shop
        |play|test|name|right) (?:in|at|on|for|with|by|under|around|about|from|to|here|there)[ ]
        (?!it$|me$|that$)
    """
)
_SINGLE = words(
    """stop wait pause listen quiet hush silence enough next again louder slower pardon quit sit
    come go heel fetch stay repeat continue proceed skip resume rewind quieter faster shorter
    softer down easy careful shush freeze hurry run play start shoo eat drink sleep breathe
    behave smile"""
)
_DOING = r"(?!(?:thing|bring|king|string|ring|spring|sing)\b)\w+ing\b"
_REQUEST = alternatives(
    rf"""
    (?:stop|quit|start|try|avoid|keep|go|begin) {_DOING}|have a (?:look|seat|go|listen|bite|try)\b
    |(?:be|don't|do not|let) (?!happens|a dull|in my|really|back (?:in|at|soon)|there in)\w
    |never mind (?:that|the|about|him|her)\b|do (?:tell|go|sit|be|help|keep|stop|try|take|come|call
        |that|the|it|this|these|those|some|your|another|something|one|me)\b
    |let's \w|(?:please|kindly)\b(?! (?:everyone|him|her|them|the)\b)|sh+$|shh
    |.*(?<! to)(?<! you)(?<! say)(?<! says)(?<! said) please$
    |(?:hold|hang) (?:on|up)\b|(?:just |give me )?(?:one|a|half a) (?:sec|second|moment|minute
        |tick)(?:,|$)|just a (?:sec|second|moment|minute)\b
    |(?:(?:just )?(?:an? )?(?:tiny )?(?:bit|little|touch) )?(?:more )?(?:louder|slower|faster
        |quieter|shorter
        |simpler|slowly|loudly|softer|quietly|briefly|clearly)$|(?:less|more) (?:loud|detail
        |detailed|slowly|quickly|specific|music|salt$|light$)\b|(?:something|someplace
        |anything) (?:\w+er
        |else|less \w+|more \w+)$
    |(?:one|once|some|two|three|five|ten|a few) more(?: time| thing| example| minutes?| seconds?
        | minute)?(?:$| from)|(?:just )?(?:the|that) (?:\w+ ){{0,2}}(?:part|bit|one|sentence|word
        |name
        |end|ending|beginning|line|steps?|list|numbers?|story) (?:again|(?:one
        |once) more(?: time)?)$
        |not so (?:fast|loud|quick)|come again$|say what$|say again
    |(?:just |only )?the (?:\w+ )?(?:points|basics|facts|highlights|essentials|outline|numbers|gist
        |summary|version|answer)$|(?:just|only) the (?:\w+ )?\w+$|next (?:one|part|step|question
        |chapter|topic|point|song|track|page|slide)$|more (?:details?|examples?|of|about
        |on)\b(?!(?:
        .* )?(?:is|are|was|than))|another (?:one|example|joke|story|song)$|no,? the other (?:one
        |way)
    |(?:moving on|on to|onto|back to the|from the (?:top|start|beginning))\b(?!.* to the end)
    |in (?:plain|simple|other|fewer|a few) words$|(?:and )?(?:now )?in (?:plain )?(?:english|french
        |german|spanish|italian|chinese|dutch|danish)$
    |that(?:'s|'ll be| is) enough(?:$| about| for)|enough (?:about|of)\b|(?:time to (?:move
        |talk|change)|time for (?:another|a different|the next|something))\b
        |no more (?:\w+ )?(?:jokes
        |poems|questions|stories|songs|examples|details|numbers|history|talk|\w+s please)
    |(?:maybe |perhaps |i think |now )?(?:you|we) (?:can|could|may|might|should|must|need to
        |have to
        |ought to|better|'d better|might want to|don't (?:have|need) to|shouldn't|might as well)[ ]
        (?:just |also |now |please |maybe )?{_TALK}|(?:it(?:'d| would) be \w+ )?if (?:only )?you[ ]
        (?:could|can|would|will) (?:\w+ )?{_TALK}
    |(?:i|i'd|i would|i was|i am|i'm|i'll) (?:\w+ )?(?:hoping|hope|need|want|like|love|appreciate
        |prefer|rather|ask)(?: it)?(?: that| if)? you (?:to|could|can|would|didn't|don't|not|kept
        |stopped|slowed|gave|told)\b(?! to (?:know|meet|see|have|feel|understand))
    |(?:i|we)(?:'d| would) (?:really )?(?:appreciate (?:it|an?|some)|be (?:very |so )?(?:grateful
        |glad|happy|thankful) if you)
    |we(?:'d| would)? (?:like|want|love) to hear\b|you(?:'re| are) mumbling|your voice is too
        |it's hard to hear you
    |(?:that|the) (?:\w+ )?(?:part|bit|one) (?:went over my head|was unclear)|you (?:only (?:gave
        |told|said|mentioned|named)|said there[ ]
        (?:were|was)|were going to (?:tell|say|explain))\b|you (?:go|stay|sit|wait|come) (?:first
        |here|there|down|in|over|back|with)\b
    |not (?:that|this) one|(?:louder|slower|faster|shorter|simpler) this time|no,? don't$|don't$
        |volume
        (?:up|down)|mute$|fast forward|(?:just )?(?:yes or no|a yes or)
    |(?:i|we) (?:need|want)(?: all of)? you (?!know\b|see\b|guys\b.* (?:are|were))\w
    |(?:it|that)(?:'d| would| might|'ll| will) (?:\w+ )?(?:be )?(?:\w+ )?(?:help|nice|great|good
        |helpful|lovely|better|useful|easier)(?: me)?(?: a lot)? (?:if you\b|to (?:(?:hear|have
        |get)
        .*\b(?:{_WANTED}|again|the (?:whole|rest|full))|see .*\b{_WANTED}))
    |it (?:might|would|could) help\b|(?:a|an|some|another|more) (?:\w+ )?{_WANTED} (?:would|might
        |could) (?:be|help)|(?:a|some) (?:music|light|quiet) (?:would|please)
    |(?:i|i'd|i would|i could|i still|i only|i just|all i|we|we'd|we would) (?:\w+ )?(?:need|want
        |like|love|prefer
        |use|do with)(?: is)? (?:(?:a|an|the|some|more|another|one|your|two
        |just)\b.*\b)?{_WANTED}(?! of
        (?:my|the|our) (?:own|time))
    |(?:i|i'd|i would) (?:\w+ )?(?:like|love|want|need|wanted|prefer
        |rather)(?: to)? (?:hear (?:more|about|the|that|how|what|why|it again|your)|learn (?:more
        |about)|go back to|skip|move on to|talk about (?:some|the other))
    |i don't (?:want|need) (?:to hear|you to|.*{_WANTED})|(?:i'm|i am) (?:looking for (?:an?
        |some)[ ]
        |after .*{_WANTED})|i was (?:\w+ )?hoping (?:to hear|for (?:something|.*{_WANTED}))
    |i (?:didn't|did not|couldn't|can't|don't)(?: quite| really)? (?:catch|hear|follow|get
        |understand)(?:$| (?:that|you|it|what|your|the (?:last|first|second|part|bit|name|end
        |word|point))\b(?! from| in| on the| over there| coming| laughing| at))|you(?:'ve
        | have)? lost me|i lost you
    |i (?:didn't|did not) (?:quite )?catch (?:the|your|his|her) (?!bus|train|flight|plane|ferry
        |ball|cold|flu|thief|tram)
    |you (?:mentioned|promised) (?:an?|another|two|three|some|there)\b
        |i (?:think i )?missed (?:that$|that (?:part|bit|last)|what you|the (?:\w+ )?(?:part|bit
        |name
        |word|step|point|ending
        |beginning|number|sentence))\b|(?:you're|you are) (?:\w+ing |a bit |a little |way
        |much )?too (?:fast|quiet|slow|loud|quick)|you're (?:breaking|cutting) (?:up|out)
    |that(?:'s| is| was) not what i (?:asked|meant|wanted|said)$|you (?:left out|skipped (?:a|the
        |that|over|one)|forgot to (?:say|mention|tell)|(?:still |just |also )?(?:
        didn't|haven't|never) (?:\w+ )?(?:said|say|mention|mentioned|explained|told me|tell me
        |explain
        |answer|answered|finish|finished|told us)\b)
    |i meant (?:the|how|what|why|for|if|whether)\b|i asked (?:for the|for a|about (?:the (?:other
        |first|second|last|price|next)|your)|(?:how|what|why|when|where)\b(?!.* (?:was|were|had
        |did|\w+ed)\b))
    |if (?:possible|you (?:can|could|would|don't mind|please|like)|it's (?:not too much|no)[ ]
        trouble)$|.*\bin advance$|i need (?:some )?help\b
    # Somebody in the room is told to do something.
    |careful(?:$| with| there| now| on)|watch (?:out|it)\b|hands off|(?:lights?|volume|music|tv
        |hands|shoes|feet|phones?|sound|brightness|heating|heads?|eyes|jackets?|coats?) (?:off|on
        |up|down
        |away)(?:$| (?:the|a|your|in|to|please))|off (?:the|my|your) \w+$|not (?:on|in|near|under
        |with|at)[ ]
        (?:the|my|your) (?!least|best|moment|watch|life|day)\w+(?: please)?$|(?:inside|outside
        |upstairs|downstairs
        |over here|this way|bedtime|away from \w+ \w+)$|(?:quiet|silence) (?:please|down|everyone
        |now)
    """
)
# Somebody is named and told: "everybody sit down", "someone get the door".
_NAMED = re.compile(r"(?:everybody|everyone|somebody|someone|you (?:two|guys|lot|kids|all)) (\w+)")
_CLAUSE_INSIDE = words(
    """while when if because until that who which so before after as what how where why since
    unless though i you he she we they"""
)
_BOUND = frozenset(["to", "and", "or", "let", "make", "help", "the", "a", "my", "your", "of"])


def asks(clause: str) -> bool:
    """Whether a clause, its leading words and vocative cut off, is a request."""
    if not clause or _IDIOMS.match(clause):
        return False
    spoken = clause.split()
    named = _NAMED.match(clause)
    if named and (named[1] in VERBS_EN | NOUN_VERBS_EN or named[1] in {"be", "please"}):
        return True
    return _commands(spoken) or _REQUEST.match(clause) is not None


def _commands(spoken: list[str]) -> bool:
    """Whether the first word is a verb that has no subject and is no noun."""
    first = spoken[0]
    if len(spoken) == 1:
        return first in _SINGLE
    if first in {"never", "simply", "slowly", "carefully", "gently", "quietly"}:
        return spoken[1] in VERBS_EN | NOUN_VERBS_EN and len(spoken) > 2 and spoken[2] in OBJECTS_EN
    second = spoken[1]
    if first in ADJECTIVE_VERBS_EN:
        return second in OBJECTS_EN - _PLACES and not _has_verb(spoken)
    if first not in NOUN_VERBS_EN:
        return first in VERBS_EN and second not in FINITE_EN
    if second in OBJECTS_EN:
        return not (second in _PLACES and _has_verb(spoken))
    return not _has_verb(spoken)


_PLACES = words("at in on for with by under around about from to up there here still")


def _has_verb(spoken: list[str]) -> bool:
    """Whether the clause that the first word opens has a verb further on: "open fires make"."""
    for at, word in enumerate(spoken[1:], 1):
        if word in _CLAUSE_INSIDE:
            return False
        if word in FINITE_EN or (word.endswith("ed") and len(word) > 4 and at < 4):
            return True
        before = spoken[at - 1]
        if at > 1 and before not in _BOUND and word in VERBS_EN and word not in NOUN_VERBS_EN:
            return True
        if (
            word.endswith("s")
            and at < 3
            and word[:-1] in VERBS_EN
            and len(spoken) > at + 1
            and (at == 1 or word[:-1] not in NOUN_VERBS_EN or before.endswith("ing"))
        ):
            return True
        if at > 1 and before.endswith("s") and before not in OBJECTS_EN and word in VERBS_EN:
            return True
    return False
