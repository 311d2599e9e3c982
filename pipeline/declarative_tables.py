"""The words rule 7 looks up in the two languages, and how its tables are read."""

import re

QUESTION = "question form"
REQUEST = "a request"
TASK = "talk about the task"


def flat(table: str) -> str:
    """A pattern laid out over lines: indentation and lines of comment are no part of it."""
    lines = (line.lstrip() for line in table.strip("\n").splitlines())
    return "".join(line for line in lines if not line.startswith("#"))


def alternatives(table: str) -> re.Pattern[str]:
    """The compiled pattern of such a table."""
    return re.compile(flat(table))


def words(table: str) -> frozenset[str]:
    """The words of a list laid out over lines."""
    return frozenset(table.split())


# English verbs that open a clause only as a command.
VERBS_EN = words(
    """
    add adjust advise aim allow analyse analyze apologise apologize apply arrange assume attach
    attempt avoid bake be beware boil borrow bring brighten brush build bury button buy cancel
    email google message photograph tone calculate calm carry cease check choose chop clarify
    clean clear climb close collect combine come compare complete compose confirm connect
    consider continue convert convince cook correct count create decide decline decorate
    decrease define delete deliver describe dig dim dip disable disconnect discuss divide
    double download drag draw dress drive dry eat edit elaborate eliminate empty enable
    encourage end enjoy enlarge ensure enter erase estimate evaluate examine exclude excuse
    expand explain explore extend feed fetch fill find finish fix flip focus fold follow forget
    forgive fry gather generate get give go grab grate greet grow halve hand hang heat hide
    highlight hold hurry identify ignore imagine improve include increase inform insert inspect
    install introduce invent investigate invite join keep knock lay lean learn leave lend let
    lift list listen locate lock look lower make measure meet melt mend mention mix move
    multiply mute name narrate navigate notice notify obey observe offer open operate organise
    organize pack paint paraphrase pay peel pick pour practise praise predict prepare present
    pretend prevent proceed pronounce prove provide publish pull push put quit quiz quote raise
    reach read rearrange recall recite recommend reconsider record reduce refer refill refresh
    refuse remain remember remind remove rename repair repeat rephrase replace reply require
    resend reset respond restart resume retell return reveal rewind rewrite ring rinse roast
    rotate run save say scan scrub search select sell send separate serve set settle shorten
    show shuffle shush shut simplify sing sit skip slice snooze solve sort speak specify spell
    spread squeeze stand start stay steer stick stir stop store stretch submit subtract suggest
    summarise summarize suppose swallow swap sweep switch take talk taste teach tear tell thaw
    throw tidy tie toast toss trace translate transfer treat trim try turn type undo unlock
    unmute unpack unplug update upload use verify visit preheat click reheat defrost vacuum
    wait wake warm wash watch wear weigh wipe withdraw wrap write zoom sleep breathe bear
    behave swim dance ask pass call hush scoot scram freeze heel cuddle kneel bow crouch
    """
)
# Of these, those that are nouns or adjectives too, and open other clauses as well: "open
# fires", "call centers", "clean water is scarce".
NOUN_VERBS_EN = words(
    """
    aim answer attempt back balance bath bathe block book bookmark bottle boil brake break
    bring email message brush build button call carry change charge chat cheer check circle
    clap climb comb come comment compare control cook copy correct count cover cross cut dance
    date double draft drag draw dress drink drive drop dust end escape exercise fan feed file
    fill film finish fish fix flip float flush focus fold frame freeze guard guess guide hammer
    hand heat help hide highlight hold hug hurry iron join joke jump kick kiss knock land laugh
    lay lead leave lift limit link list load lock look lower mail map march mark match measure
    mend mind mix model mop move mute name nap note notice offer order pack paint park pass
    paste pause pay peel pet phone photograph pick place plan plant play plug point polish post
    pour practice press print promise prove pull pump push question quote race rate read record
    rent repair reply report request rescue reset rest return reverse review rewind ride ring
    roast rock roll rotate round row rub run sail save scan schedule score search seat serve
    set settle shake share shop show shower shut sign sleep slice slide smell smile snack snap
    sneak snooze sort sound speed spell split spray spread squeeze stamp stand star stare start
    state stay steam step stick stop store strip study subscribe support sweep swim switch talk
    tap taste tear test text thank think tie tip toast toss touch tour trace track trade train
    travel treat trick trim try turn tweet twist type upgrade value view visit vote wait wake
    walk wash watch water wave wear weigh welcome wipe wish work wrap yell zip zoom
    """
)
# Those that are adjectives too count only before what one can act on.
ADJECTIVE_VERBS_EN = words(
    """
    clear clean dim dry empty free light level open slow warm separate close secure complete
    cool calm tidy lower correct smooth round
    """
)
# Before one of these a noun can only be a verb: "call me", "turn the", "hold on".
OBJECTS_EN = words(
    """
    me us it that this these those the a an my your his her our their them him some any all
    another what how why where which who if back down up over out off on again away about to at
    from there here still mom mum dad grandma grandpa everyone everybody everything something
    someone until yourself yourselves itself into onto together slowly quickly carefully gently
    quietly properly in with for by under around through one two three four five ten both each
    between harder faster slower louder now closer straight left right nicely twice
    """
)
# English verbs behind a subject that their form gives away.
FINITE_EN = words(
    """
    is are was were am has have had does did do will would can could should might must may
    shall isn't aren't wasn't weren't hasn't haven't hadn't doesn't didn't don't won't wouldn't
    can't couldn't shouldn't gave took got made went came ran kept left told said knew thought
    felt found sold bought brought caught taught sat stood lost met paid sent spent built grew
    drew flew threw broke spoke woke wrote rode drove chose froze rose wore tore swore began
    drank sang swam ate fell held led meant slept swept understood won became forgot stole
    shook saw seem seems tend tends always never usually often rarely sometimes really vary
    matter used
    """
)
# What may stand behind a verb whose subject is left out: "was great", "would rather stay".
BARE_EN = words(
    """
    not never always just also even really still only rather probably definitely certainly
    usually often actually almost be have had been do about so too very quite pretty a fun
    great nice good lovely bad hard easy cold hot worth like better best fine cheap raining
    snowing delicious awful terrible horrible funny weird strange beautiful amazing happy sad
    glad tired sick busy born late early going getting thinking wondering hoping in at on with
    kind sort of supposed able meant complain well nothing everything something much more less
    all both love hate use say see live happen fall die matter snow rain cost last hurt care
    differ exist win lose belong rise bite
    """
)
# Verbs whose "I" is often left out: "hope it stays dry".
DROPPED_EN = words(
    """
    love hope wish hate like bet doubt suppose reckon agree appreciate adore miss mean need
    want know think prefer figure believe feel swear
    """
)
