"""Rule 7 in Chinese: questions and requests, with or without their mark."""

import re

from .declarative_tables import QUESTION, REQUEST, TASK, alternatives, flat
from .declarative_zh_requests import asks

_WHAT = flat(
    r"""
    (?:谁|什么(?!的$)|啥|怎么|怎样|咋|哪(?!怕)|多少|为什么|为何|(?<!任)何时|如何|干嘛
        |(?<!有)几(?:点|号|岁)
    |第几|(?:星期|礼拜|周)几)
    """
)
# A clause in which a question word or "A not A" asks nothing: everyone, nothing, whatever,
# "that is why", somebody else asks, the speaker weighs it.
_ASKS_NOTHING = alternatives(
    rf"""
    {_WHAT}.*(?:都|也)(?!许)
    |(?<!管)不管|无论|不论|甭管|随便|无所谓|都行|都一样|都可以|难怪|怪不得
    |没有?(?:什么|啥|谁|怎么|多少|哪)|谁(?:成想|承想|料|曾想)|哪里哪里|怎么[都样着]?[也都]
        |什么什么|不怎么|怎么说呢|(?:点|些|个)(?:什么|啥)|多少(?:有|会|能|还|带
        |年|次|知道|懂|了解|沾|算|得|是|遍|钱.*忘)|谁知道(?!.*呢$)
    |(?:这|那)(?:也)?(?:就|正|才)?是.*(?:为什么|怎么|什么)|(?:终于|总算|这下|现在).*(?:明白|懂
        |知道|理解)
    |(?<!我想)(?<!我要)(?<!再)(?<!请)(?<!想)问(?:我|他|她|我们|大家|人|起)|犹豫|纠结|琢磨|商量
        |讨论|决定|忘了|记不清|想不起
    |(?:教|学会|学|研究|知道)(?:了)?(?:我|他|她|我们)?(?:该)?(?:怎么
        |如何)(?<!不知道怎么)(?<!想知道怎么)
    |^我?(?:小时候|当时|以前|从前|那时).*想知道|都不知道|不知(?:道)?(?:该)?(?:怎么|如何
        |说什么).*(?:谢|好了?$)|不知道说什么好|不知道.*没.*怎么|没.*不知道.*怎么
        |不知(?:道)?(?:什么时候|怎么).*了$
    |(谁|什么|哪|怎么|多少|哪儿|哪里|干嘛|咋|啥|几).*\1|怎么(?:这么|那么|也|都|着(?!$))|没想到
        |想不到|(?<!什)(.)不\2(?!.*还是).*(?:都|也|由|随|才|再说|另说|看|不一定|不好说|无所谓)
        |是不是的$
        |我(?:也|就|都|大概|其实|当然|还|早|可|已经)*(?:知道|明白|懂|记得|不记得|记不得|清楚|理解
        |说不清|没想好|没决定|想通|忘了|不在乎|不关心|能想象)
        |我(?:就|还)?(?:说|纳闷|寻思|奇怪)(?:嘛|呢|今天|怎么|为什么)|可以理解
        |(?<!没)(?<!不)[弄搞][清懂明]|我.*[在从]哪.*过$|好像.*哪.*过
        |(?<![想不没要难以])(?:了解|理解)(?!一下)|看看.*(?:没有
        |能不能)|说什么也
    """
)
_QUESTION_ZH = alternatives(
    r"""
    吗[啊呀]?$|(?<![什怎那这多要])么$|难道|莫非|岂|何必|何苦|(?<!任)何不|何乐|难不成|是否|能否|可否
        |是不是|真的假的|谁让
    |(?!动不动|时不时|好不容)(.)(?<!现在)不\1|(去|来|吃|看|听|过|有|到|说|买|做|见|下|用|喝|开)没\2
        |[了过]没有?$|.不$(?<!可不)(?<!要不)(?<!也不)(?<!就不)(?<!说不)|^[你您]猜|.{2}(?:对
        |是)吧$(?<!大概是吧)(?<!可能是吧)(?<!应该是吧)(?<!好像是吧)(?<!就算是吧)(?<!倒是吧)
    |(?:是|要|先|用|走|坐|在|喝|吃|放|加|选|喜欢|爱|买|去|算
        |叫)(?!.*最)(.{1,8}?)(?<!我)(?<!底)(?<!后)(?<!的)还是|^(?!最|其实
        |还).*.(?<![我他她])(.)还是.{1,8}\4$
        |^(?!最|还)那?(.{1,6})(的|个|种)还是
    |(?<![不没])多(?:久|远|大|长|高|重|深|宽|快|贵)(?!.*[啊呀了])
    |^(?:还有|再问)?一?个问题$|^(?:我)?(?:就|只|还|一直|正|其实)*(?:想知道|想问|很?好奇|倒?想(?:问
        |请教|打听))|^(?:我)?(?:很|挺|有点|真|还|就
        |特别)?(?:想知道|好奇(?![宝心地的]))|^请问|^问一下|^(?:我)?(?:再|就|先)?(?:想)?(?:问|打听
        |请教)(?:你|您)?(?:个|一个|一下|几个|问题)
        |^[你您](?:的意思)?是[说指]?(?<!你是)(?<!您是)(?!得|的)
        |(?:剩|要|得|放|用|加|需要|分|共|差)(?:几
        |多少)[个斤块次口本年天分勺克度层集页样种]\w{0,2}$|^几[个点岁天年次块斤](?!.*没)\w{0,2}$
        |有几[站层条种位步楼]\w?$|几.*来着$|真有(?:那么|这么)|几个人(?:吃|用|住|玩|够)
    |我(?:有|还有)(?:一|几)?个问题|我的问题是|我问的是|我是(?:想)?问
    |^那(?![个里儿边可就才时天年次种么些]).{1,10}呢$|^(?:那|那么)?(?:要是|如果|万一|假如).*呢$
    """
)
_TASK_ZH = alternatives(
    r"""
    ^(?:用户|助手|助理|人类|AI|系统|陈述句?|评论|回[复应答]|输出|示例|例句|句子|说话人|旁白|翻译
        |声明)\w{0,2} ?[:：]
    |(?:作为|我(?:只)?是)一?(?:个|名|款)?(?:人工智能|AI|语言模型|大模型|智能助手|助手|机器人|用户
        |听众|说话人)
    |^(?:人|台词|听者|角色|说话者|改写后|最终答案|感想|第[一二三]句) ?[:：]
    |(?:作为|身为|我(?:只|就|不过)?是|[你您](?:又|只|就|不过|毕竟)*是)(?:一?[个名款段])?
        (?:\w{0,2}人工智能|AI|\w{0,2}语言模型|大模型|\w{0,4}助手|\w{0,2}机器人?
        |(?:计算机)?程序|代码)(?=$|[，,。！])
    |开发我的|[我你您]的(?:训练数据|开发者|语料|知识库|提示词)|无须(?:回|作答)|(?:不含|没有)(?:任何)?
        (?:问号|疑问|提问)|(?:用户|AI|听者)(?:分享|回答|可能会|随口|表达|赞同|评论)|^(?:从|以|站在
        |扮演)(?:一名)?(?:用户|听众|说话人)|请归类|句子分类|判断(?:类型|句型)|感叹句|疑问句
        |按(?:照)?(?:指令|规则|设定|提示|要求)(?=，|写)|(?:写|造|念|给你)[一几]?[句个条].{0,8}
        (?:陈述|用户|评论|句子)
    |(?:以下|以上|下面|这|这里|上面)(?:就)?(?:是|有)?(?:我的)?一?[句个条段].{0,12}(?:话|陈述|评论
        |句子|回复|感想)(?:$|[:：])|陈述句|(?:不|无)(?:需要?|用|必|要求)(?:任何|你|您|对方|助手
        |再)*(?:回[答复应]|作答)|别回[答复]
    |用户(?:说|表示|认为|觉得|提到|感到|在|想|问|正|分享|评论|赞)|助手(?:说|回答|在|表示|解释)
        |(?:这段|本次?|上述|该|在)对话(?:中|里|$)
    """
)


_CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]+")
_OTHER_LETTERS = re.compile(r"[^\W\d_\u0000-\u024f\u3400-\uabff\ud7b0-\U0003ffff]|[\uac00-\ud7af]")


def fault_zh(text: str) -> str | None:
    """The fault of a Chinese text that holds no question mark and is not wrapped."""
    chinese = len(_CHINESE.findall(text))
    latin = len(_LATIN.findall(text))
    other = len(_OTHER_LETTERS.findall(text))
    if (
        chinese <= latin * 2 - (latin == 1)
        or other * 4 > chinese
        or re.search("[ぁ-ゖァ-ヺ]", text)
    ):
        return "not Chinese"
    if _TASK_ZH.search(text.strip()):
        return TASK
    for sentence in re.split(r"[。！!…；;：:—]+|\.(?!\d)", text):
        clauses = [clause.strip() for clause in re.split(r"[，,、\s]+", sentence) if clause.strip()]
        for at, clause in enumerate(clauses):
            found = _clause_zh(clause, "".join(clauses[:at]), "".join(clauses[at + 1 :]))
            if found:
                return found
    return None


_HESITATION = re.compile(
    r"^(?:嗯|哦|噢|啊|哎|哇|诶|唉|好的|那么|所以|不过|但是|可是|而且|然后|对了)+(?=.{2})"
)
_TAG_ZH = re.compile(
    r"(?:对|是|好|行|不是|可以|没错|是这样)[吧吗嘛]|是不是|对不对|好不好|行不行|你觉得呢"
)
# "God knows why", "who would have thought", when the sentence goes on behind it.
_SAYING = re.compile(
    r"也?不(?:知道?|晓得)(?:是)?(?:为什么|为啥|为何|[怎咋](?:么)?(?:回事|了|的|搞的|地)?|(?:从)?什么时候(?:起|开始)?|谁家?的\w{1,3}|什么原因|哪来的\w{1,4})(?:啊|呢|吧)?"
    r"|谁(?:能|会|曾)?(?:想到?|料到?|知道?|成想|承想)(?:了|呢|啊|到)?|你说(?:巧不巧|怪不怪|逗不逗)|怎么说呢"
)
_PUZZLED = re.compile(
    r"我(?:就|还|刚才|也)?(?:说|纳闷|寻思|奇怪|想着?)(?:嘛|呢|$|.{0,6}怎么|.{0,6}为什么)"
)
_SOLVED = re.compile(r"原来|敢情|合着|闹了?半天|结果(?:发现|是)")
_PRESUMES = re.compile(
    r"(?:[你您].*|^(?!.*[我大估]).*(?:应该(?!是吧)|不会|该不会).*"
    r"|^(?!.*(?:大概|可能|也许|估计|总|也|还|随|算|兴许|或许))(?:他们?|她们?|它们?|这|那).{2,})吧$"
)
_WHAT_OF = re.compile(r"(?!我.{2}|.*[还才正可在着得真挺很最就都也没不好太会要说]).{1,8}呢")


def _clause_zh(clause: str, told: str, rest: str) -> str | None:
    """The fault of one clause; `told` and `rest` are what its sentence holds around it."""
    clause = _HESITATION.sub("", clause)
    if not rest and _TAG_ZH.fullmatch(clause) and (told or clause in {"对吧", "是吧", "是这样吧"}):
        return QUESTION
    if rest and _SAYING.fullmatch(clause):
        return None
    puzzled = _SOLVED.search(rest) or _PUZZLED.match(told)
    if not puzzled and not _ASKS_NOTHING.search(clause):
        ends = clause.rstrip("啊呀呢哦")
        if _QUESTION_ZH.search(clause) or _QUESTION_ZH.search(ends) or re.search(_WHAT, clause):
            return QUESTION
        if _PRESUMES.search(clause) or (not rest and _WHAT_OF.fullmatch(clause)):
            return QUESTION
    if clause.startswith("把") and re.match(r"我(?:得|要|会|去|准备|打算|想)", told):
        return None  # "I must find a notebook and write it down"
    return REQUEST if asks(clause, told, rest) else None
