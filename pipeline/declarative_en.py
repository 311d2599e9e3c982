"""Rule 7 in English: questions and requests, with or without their mark."""

import re

from .declarative_tables import QUESTION, REQUEST, TASK, alternatives, flat, words

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
    como ich er sie wir ihr der das den ein eine und ist nicht mit auf sehr mein meine habe
    aber auch gli è sono che molto mio della eu não muito meu com uma gosto het een ik niet
    maar och det är merci gracias danke grazie obrigado bonjour hola beaucoup
    """
)
_AUX = flat(
    r"""
    (?:(?:is|are|was|were|do|does|did|has|have|had|could|would|should|must|might)(?:n't)?|am|can
    |will|shall|can't|won't|ain't|cannot)
    """
)
_WHO = r"(?:i|you|he|she|we|they|it|there|anyone|anybody|someone|everyone)"
_THING = rf"(?:{_WHO}|that|this|these|those|the|an?|my|your|his|her|its|our|their|any|some|all)"
_WH = r"(?:what|why|how|where|when|which|who|whose|whom|whether|if)"
_IT = r"(?:that|this|these|those|it|the|you mean|you meant|to)"
# What a listener asks an assistant for, and does to a talk.
_WANTED = flat(
    r"""
    (?:version|summary|lists?|recipe|details?|examples?|translation|explanation|answer|steps|gist
    |tips|advice|recommendations?|suggestions?|ideas|help|repeat)\b
    """
)
_TALK = flat(
    r"""
    (?:skip|stop|repeat|tell|explain|slow|speak|speed|continue|go (?:on|back|over|into)|give|show
    |list|read|spell|leave (?:that|out|it)|summari[sz]e|move on|start|drop|turn|send|write
    |play|add|talk|describe|say (?:it|that|the)|name|translate|shorten|simplify|clarify
    |rephrase|pause|help|change|switch|keep|remind|define|elaborate|mention|be (?:more|a bit
    |a little|quiet|brief))\b
    """
)

_TASK_EN = alternatives(
    r"""
    ^(?:the )?(?:user|assistant|human|ai|bot|speaker|(?:declarative )?statement|remark|response
        |reply|answer|output|sentence|utterance|comment|example|translation|person)(?: ?\w)? ?:
    |\b(?:as|i am|i'm) an? (?:\w+ ){0,2}(?:ai|language model|assistant|chatbot)\b
    |\b(?:here(?:'s| is| are)|this is|that was|that is|below is) .*\b(?:statement|remark|sentence
        |utterance|comment|reply)s?\b(?=:| that| which| about|$)
    |\bthe (?:user|speaker) (?:says?|said|states?|(?:re)?marks?|mentions?|thinks|thought|feels
        |felt|agrees|repl|respond|asks?|wants?|shares|is|was|just|makes|expresse[sd]|comments)
    |\bthe assistant (?:says|replies|responds|answers|explains|is (?:speak|talk|explain))
    |\bdeclarative\b|\bnon-?query\b|\bin (?:this|the) (?:dialogue|conversation|scenario
        |context)\b
    |\b(?:needs?|requires?|expects?|wants?) (?:no|an|any) (?:answer|reply|response)\b
    |\b(?:no|an?) (?:answer|reply|response) (?:is |was )?(?:needed|required|necessary|expected)\b
    |\b(?:need|have|required|supposed) to (?:answer|reply|respond)$
    |^as (?:the |an? )?(?:user|speaker|listener|assistant)(?:,| in\b)|^(?:sure|certainly
        |of course|okay)[,!.] here(?:'s| is| are)\b
    """
)
# Words before a clause that do not change what it is.
_LEAD_EN = re.compile(
    r"(?:(?:so|well|oh|ok|okay|um|uh|hmm|and|but|or|hey|anyway|actually|sorry|alright|maybe|perhaps"
    r"|seriously|honestly|wait|yeah|yes|ah) )+"
)
_LEAD_VERB_EN = re.compile(r"(?:(?:now|just|then|also|first|next|quickly|kindly|always|instead) )+")
_TAG_EN = re.compile(
    rf"(?:{_AUX}) (?:not )?(?:{_WHO}|that|this)|right|correct|yeah|huh|eh|innit|okay|ok|am i right"
    r"|(?:don't|wouldn't) you (?:think|agree|say)"
)
# The verb before its subject. After a comma only with a pronoun: "my aunt, who was
# there, is a nurse" is none.
_INVERTED = alternatives(
    rf"""
    (?:is|are|was|were|does|did|do|could|would|should|can|will
        |shall)(?:n't)? {_THING}\b(?<!did my)(?! trick\b| job\b)
    |(?:is|are|does)(?:n't)? (?!no |not |just |what |\w+ing )\w
    |(?:can't|won't|ain't|must|mustn't|am|may|cannot) (?:i|you|we|he|she|it|they|that)\b
    |(?:have|has|had)(?:n't)? (?:i|you|he|she|we|they|it|anyone|anybody|there)\b
    |(?:have|has|had)(?:n't)? (?:the|my|your|those|these|that) .*\b(?:ever|been|gone|always)\b
    """
)
_INVERTED_LATER = alternatives(
    rf"""
    (?:is|are|was|were|can|could|would|should|will|do|am|have|isn't|aren't|don't|won't
        |can't) (?!there$){_WHO}\b
    |(?:does|did) (?:you|he|she|we|they)\b
    |(?:is|was) (?:that|this) (?:safe|ok|okay|right|true|normal|all|why|so|possible|correct|it)\b
    """
)
_QUESTION_EN = alternatives(
    rf"""
    # A question word, and the verb before its subject.
    (?:what|where|when|why|how|whom?|whose) (?:else |exactly |on earth )?{_AUX} {_THING}\b
    |(?:what|where|why|how|who|when)(?:'s|'re|'d|'ll) (?!more\b|worse\b)(?!.* (?:is|was|are)\b)
    |(?:what|where|when|why|how) (?:is|are|was|were|do|does|did)\b(?!.* (?:is|was|are|were)\b)
    |(?:what|how|which|whose)(?: (?!{_WHO} |the |my |that )[\w'-]+){{1,4}}? {_AUX} {_THING}\b
    |who (?!knows$|i |we |you |he |she |they )\w
    |which (?!(?:is|was) (?:why|what|how|where|exactly|fine|nice|great|good|odd|funny|a|the)\b|i[ ]
        |we |he |she |they |reminds|means|makes|made|explains|would|brings|leaves|by the way)\w
    |what (?:about|if|else|for|next|now)\b|(?:and )?then (?:what|who|where)$|what happen(?:s
        |ed)\b(?!.* (?:is|was) )|(?:what|how)$
    |how (?:about|come|so|to|else)\b|(?:and )?(?:why|when|where|who)$|why (?:not|bother|so
        |on earth)\b
    |how (?:much|many|far|long|often|old|soon|big)(?: [\w']+){{0,3}}$|where (?:to|from|else)\b
    |(?:in|at|on|for|from|to|by|with|about|since|of) {_WH} .*\b{_AUX} {_THING}\b
    # Questions that leave their verb out.
    |(?:since when|says who|for how long|by whom)\b|any (?:idea|chance|luck|tips|advice|word
        |news)\b
    |(?:anyone|anybody) (?:know|want|else|seen)\b|you mean\b|ever (?:been|tried|seen|heard|had)\b
    |(?:wanna|want (?:some|to|a|me)|mind if|care (?:to|for)|got any|guess (?:what|who|where))\b
    |(the|this|that|an?|in|on|at|by|with|for|before
        |after) (?:[\w'-]+ ){{1,4}}or \1 (?:[\w'-]+ ?){{1,4}}$
    |(?!whether ).*\b(?<!it )or (?:not|what)$|(?!.*\b(?:matter|regardless)\b).*\b(?:of|in|on|at
        |from|for|with|the) (?:which|what|whose) \w+$
    # Questions in a statement's clothes.
    |(?:i(?:'m| am|'ve| have| was|'ve been| do)? )?(?:\w+ )?wonder(?:ing
        |ed)? (?:\w+ )?{_WH}\b
    |i (?:\w+ )?wonder(?:$| about)|(?:i'm|i am) (?:(?:just|so|really|very|also|a bit
        |quite) )?(?:curious|wondering)\b
    |(?:it|that|this) (?:\w+ )?(?:makes|made) (?:me|you|one) wonder[ ]
    |(?:i'd|i would) (?:\w+ )?be (?:\w+ )?(?:interested|curious|glad|happy|keen) to (?:know|hear
        |learn)
    |(?:what )?(?:i(?: \w+)? (?:want|wanted|need)|(?:i'd|i would) (?:\w+ )?(?:like|love
        |prefer)) to (?:know|find out|understand|ask (?:you|about|how|what|if|why))\b
    |(?:(?:i'm|i am|i was) )?not (?:\w+ )?(?:sure|certain|clear) (?:\w+ )?{_WH} (?:{_IT}\b
        |.* you (?:mean|meant)$)
    |(?:i )?(?:don't|do not|didn't|can't) (?:\w+ )?(?:know|understand|see|get
        |tell) (?:\w+ )?{_WH} {_IT}\b
    |(?:i have )?no (?:idea|clue) {_WH} {_IT}\b
    |(?:i (?:\w+ )?have|i've got|i got|my|one(?: more)?|another
        |quick) (?:a )?(?:\w+ )?questions?\b
    """
)

# Bare verbs that open a request. Strong ones open nothing else; weak ones are nouns
# too ("stop lights", "call centers") and count only before an object or a particle.
_STRONG = flat(
    r"""
    (?:tell|explain|describe|repeat|give|bring|remind|summari[sz]e|translate|define|continue
    |speak|send|keep|remove|delete|include|convert|recommend|suggest|rephrase|simplify
    |shorten|elaborate|clarify|add|find|choose|ignore|imagine|pretend|proceed|ask|go|get|make
    |put|take|skip|remember|forget|be|do|don't|do not|let)(?![-'])\b
    """
)
_WEAK = flat(
    r"""
    (?:show|read|open|close|shut|set|lock|turn|switch|feed|wash|clean|water|walk|move|hand|pass
    |leave|hold|hang|wait|watch|look|play|stop|start|begin|finish|name|list|spell|write|draft
    |compare|check|search|book|order|call|text|email|wake|help|try|use|pick|drop|note|mind
    |change|cut|break|run|cook|calculate|count|lower|raise|reply|respond|answer|cancel
    |schedule|save|mute|share|mention|avoid|consider|slow|speed|teach|quiz|guess|picture
    |focus|grab|fetch|pour|warm|heat|come|sit|stay|talk|quit|listen|have|fix|point|hurry
    |carry|pause|think|say|see|lift|wear)
    """
)
_OBJECT = flat(
    r"""
    (?:me|us|it|that|this|these|those|the|an?|my|your|his|her|our|their|them|him|some|any|all
    |more|another|one|two|what|how|why|where|which|who|if|back|down|up|over|out|off|on|again
    |away|about|to|at|from|there|here|still|mom|mum|dad|grandma|everyone|everything|something
    |until)\b
    """
)
_IDIOMS_EN = alternatives(
    r"""
    call me|fancy|never mind|mind you|believe|trust me|say (?:what you will|no more)|go figure
    |come (?:to think|rain|what may|winter|summer|spring|autumn|fall|evening|morning)
        |imagine that$
    |let me (?!hear|know|have|get|skip|ask)|let alone|let's (?:just )?(?:say|face it|be honest
        |hope|see)
    |take my|take it from|leave it to|count me|ask (?:anyone|anybody|my|around)|try as
        |give or take
    |don't (?:get me wrong|mind me|worry|know|think|remember|have|care|mind if|see why|i )
        |make no
    |put (?:simply|differently|that way|it this way|another way)|have to (?:say|admit)|look who
    |find (?:it|that|this) |keep (?:forgetting|thinking|losing|hearing)|be that as|do i |get this
    |have (?:an?|the|some|one|two|to|my) |see that|get (?:it|that)$|think (?:that|it)|say that
    |you can say that again|give me .* any ?day|(?:had|got|used)[ ]
    """
)
_REQUEST_EN = alternatives(
    rf"""
    (?:{_STRONG}|{_WEAK} {_OBJECT}|(?:stop|quit|start|try|avoid) \w+ing\b|have a (?:look|seat
        |go)\b)
    |let's \w|(?:please|kindly)\b(?! (?:everyone|him|her|them|the)\b)
        |.*(?<! to)(?<! you)(?<! say)(?<! says)(?<! said) please$
    |(?:stop|wait|pause|listen|quiet|hush|silence|shh+|enough|next|again|louder|slower|pardon
        |quit)$
    |(?:an? (?:bit|little) )?(?:more )?(?:louder|slower|faster|quieter|shorter|simpler|slowly
        |loudly)$
    |(?:one|once|some) more(?: time| thing| example)?$|(?:the|that) (?:\w+ ){{0,2}}(?:part|bit
        |one|sentence|word|name|end|ending|beginning|line|steps?|list|numbers?|story) again$
        |not so fast
    |(?:only )?the (?:\w+ )?(?:points|basics|facts|highlights|essentials|outline|numbers|gist
        |summary|version|answer)$|next (?:one|part|step|question|chapter|topic|point)$
        |more (?:details?|examples?|of|about)\b
    |(?:moving on|on to|onto|back to the|from the (?:top|start|beginning))\b|in (?:plain|simple
        |other) words$
    |that(?:'s|'ll be| is) enough(?:$| about| for)|enough (?:about|of|with)\b|time to (?:move
        |talk|change)\b
    |(?:maybe |perhaps )?(?:you|we) (?:can|could|may|might|should|must|need to|have to|ought to
        |better|'d better|don't (?:have|need) to|shouldn't) (?:\w+ )?{_TALK}|if you (?:could|can
        |would|will) (?:\w+ )?{_TALK}
    |(?:i|i'd|i would|i was|i am|i'm|i'll) (?:\w+ )?(?:hoping|hope|need|want|like|love|appreciate
        |prefer|rather|ask)(?: it)?(?: that| if)? you(?:'d|'ll)?(?: to| could| can| would
        | will)? (?:\w+ )?(?:not )?{_TALK}
    |(?:it|that)(?:'d| would) (?:\w+ )?(?:be )?(?:\w+ )?(?:help|nice|great|good|helpful|lovely
        |better|useful)(?: me)?(?: a lot)? if you\b
    |(?:i|i'd|i would|i could|i still|i only|i just|all i) (?:\w+ )?(?:need|want|like|love|prefer
        |use)(?: is)? (?:a|an|the|some|more|another|one|your|two|just)\b.*\b{_WANTED}
    |(?:i|i'd|i would) (?:\w+ )?(?:like|love|want|need|wanted|prefer
        |rather)(?: to)? (?:hear (?:more|about|the|that|how|what|why|it again)|learn (?:more
        |about)|go back|skip|move on|talk about)
    |i don't (?:want|need) (?:to hear|you to|.*{_WANTED})|(?:i'm|i am) (?:looking for
        |after) .*{_WANTED}
    |i (?:didn't|did not|couldn't|can't|don't)(?: quite| really)? (?:catch|hear|follow|get
        |understand)(?:$| (?:that|you|it|what|your|the (?:last|first|second|part|bit|name|end
        |word|point))\b)|you lost me
    |you (?:left out|skipped|forgot to (?:say|mention|tell)|(?:still |just |also )?(?:didn't
        |haven't|never) (?:\w+ )?(?:said|say|mention|tell|told|explain|answer|finish))|(?:i meant
        |i asked|i said) (?:the|how|what|why|for the|if|whether)
    |if (?:possible|you (?:can|could|would|don't mind|please|like))$|.*\bin advance$
        |i need help\b
    """
)


def fault_en(text: str) -> str | None:
    """The fault of an English text that holds no question mark and is not wrapped."""
    spoken = re.findall(r"[a-zàâçèéêëîïñòôöùûüß']+", text.lower())
    known = sum(word in _ENGLISH for word in spoken)
    foreign = sum(word in _NOT_ENGLISH for word in spoken)
    other = sum(letter.isalpha() and letter > "\u024f" for letter in text)
    if other * 2 > len(spoken) or foreign > known or (len(spoken) > 6 and not known):
        return "not English"
    low = text.lower()
    if _TASK_EN.search(low):
        return TASK
    for sentence in re.split(r"[.!…;:—–]+(?:\s+|$)| - |—", low):
        # The commas of "we sing, dance, and play" part no clauses.
        listed = re.sub(r", (\w+(?: \w+)?), (and|or) (?!\w+ me\b)", r" \1 \2 ", sentence)
        clauses = [
            clause.strip(" ,()*'\"") for clause in re.split(r",\s*|\s(?=but tell me)", listed)
        ]
        for at, clause in enumerate(clauses):
            found = _clause_en(clause, clauses[:at], clauses[at + 1 :])
            if found:
                return found
    return None


def _clause_en(clause: str, before: list[str], after: list[str]) -> str | None:  # noqa: PLR0911 - a return a form
    """The fault of one clause, told what stands before and after it in its sentence."""
    told = " ".join(before)
    if before and len(told.split()) > 2 and not after and _TAG_EN.fullmatch(clause):
        return QUESTION
    if re.match(
        r"(?:so|neither|nor|as) (?:do|does|did|have|has|had|is|are|was|were|can|will|would)\b"
        r" (?:\w+$|(?:half|most|all|my|our|his|her|every|the rest)\b)",
        clause,
    ):
        return None  # "so did half of my class"
    clause = _LEAD_EN.sub("", clause, count=1) if _LEAD_EN.match(clause) else clause
    # "Had I known, I would ..."; "boy, do I know that".
    if re.match(r"(?:had|were|should) ", clause) and re.search(
        r"\b(?:would|could|might|'d|will)\b", " ".join(after)
    ):
        return None
    inverted = _INVERTED_LATER if told not in {"", "oh", "so", "okay", "well", "and"} else _INVERTED
    if told not in {"boy", "man", "wow"} and inverted.match(clause):
        return QUESTION
    if re.match(r"i (?:\w+ )?wondered\b", clause) and after:
        return None  # "I always wondered why, and now I know"
    relative = told and re.match(r"(?:who|whose|which|where|when) ", clause)
    if not (relative and (after or re.match(r"who (?:is|was|were|are) (?:an?|the) ", clause))) and (
        _QUESTION_EN.match(clause)
    ):
        return QUESTION
    if re.search(
        r" (?:but|and) (?:is|are|do|does|did|can|could|would|should) (?:it|you|they|we|i|that)\b",
        clause,
    ):
        return QUESTION
    clause = _LEAD_VERB_EN.sub("", clause, count=1) if _LEAD_VERB_EN.match(clause) else clause
    if clause in {"wait", "listen", "look"} and after:
        return None
    return REQUEST if not _IDIOMS_EN.match(clause) and _REQUEST_EN.match(clause) else None
