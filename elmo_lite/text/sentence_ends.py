"""Where sentences end inside a line of raw text: the marks of all scripts in use, and what may stand around them.

A sentence ends after a final mark and closing quotes if the next word can begin one: a capital, a digit, or a letter of
a script without case. Abbreviations and initials end a sentence only before a frequent sentence opener, and titles
never do. In scripts without spaces, no space is needed after the mark.
"""

from __future__ import annotations

from typing import NamedTuple

# Titles never end a sentence, abbreviations may.
TITLES = (
    "Mr Mrs Ms Mx Dr Drs Prof Rev Fr Hon Gen Col Maj Capt Cpt Lt Sgt Cpl Adm Cmdr Gov Sen Rep Pres Messrs Msgr St Ste "
    "Mt Ft No Nos Vol vol vols pp p ed eds vs cf ca c fig Fig figs ch approx им ул проф акад см рис стр тов"
).split()
ABBREVIATIONS = (
    "Inc Ltd Co Cos Corp Bros Jr Sr Esq etc al Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Ave Blvd Rd Ph.D Univ "
    "Dept г гг в вв др пр тыс млн млрд руб т д е н э"
).split()
_NEVER_LAST = frozenset(TITLES)
_OPENERS = frozenset(
    "The This That These Those There A An He She It They We You His Her Its Their Our In On At As After Before By For "
    "From With When While Where During Since Although Though However But And Or If To Both Each Some Many Most Several "
    "One Two According Also Another Despite Following Later Other Under Until Upon What Who Why How В На Он Она Они "
    "Это По После С".split()
)
_CLOSING = frozenset("\"'”’»)]}›」』）】》〉〗＂＇")
_OPENING = frozenset("\"'“‘„‚«‹([{「『（【《〈〖¿¡＂＇*_-–—")
_AND_SO_ON = ("។", "ល", "។")
"""Khmer for "and so on", the first mark of which ends nothing."""


class Marks(NamedTuple):
    """Marks that end a sentence."""

    before_space: frozenset[str]
    alone: frozenset[str]
    """Those that end it with or without a space after them."""


_FIRST = Marks(frozenset("!?؟…।॥۔።։‽⁇⁈⁉"), frozenset("。！？｡"))
# Marks of the Unicode property Sentence_Terminal, without full stops, which abbreviations have too, and without those
# that are commas as well (Burmese ၊, Javanese ꧈, Balinese ᭞), by script: general, Arabic, Syriac, N'Ko, Ethiopic,
# Canadian, Mongolian, Limbu, Tai Tham, Balinese, Lepcha, Santali, Lisu, Vai, Bamum, Saurashtra, Kayah, Javanese, Cham,
# Meetei, Chakma, Newa, Mro, Bassa Vah, Hmong, Medefaidrin.
_MORE = "⸮؞܀܁܂߹፧፨᙮᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭟᭽᭾᰻᰼᱾᱿꓿꘎꘏꛳꛷꣎꣏꤯꧉꩝꩞꩟꫰꫱꯫𑅁𑅂𑅃𑑋𑑌𖩮𖩯𖫵𖬷𖬸𖺘"
_MORE_ALONE = "﹖﹗︒︕︖។៕။"
"""Presentation forms of Chinese, Khmer, Burmese."""
MARKS = {
    1: _FIRST,
    2: Marks(_FIRST.before_space | frozenset(_MORE), _FIRST.alone | frozenset(_MORE_ALONE)),
}
"""By version of the rules."""

NONE, CAPITAL, OPENER = 0, 1, 2
"""How a text begins: in the middle of a sentence, in a way that a sentence may begin, with a frequent opener."""


def ends_inside(words: tuple[str, ...], marks: Marks) -> tuple[int, ...]:
    """Numbers of words after which a mark that needs no space ends a sentence, closing quotes included."""
    found: list[int] = []
    for index, word in enumerate(words):
        is_new = not found or index >= found[-1]
        if word in marks.alone and is_new and words[index : index + 3] != _AND_SO_ON:
            end = index + 1
            while end < len(words) and (words[end] in _CLOSING or words[end] in marks.alone):
                end += 1
            found.append(end)
    return tuple(found)


def start_of(words: tuple[str, ...]) -> int:
    """Whether a sentence may begin with these words: NONE, CAPITAL or OPENER."""
    for word in words:
        if word in _OPENERS:
            return OPENER
        if word not in _OPENING:
            first = word[0]
            return CAPITAL if first.isupper() or first.isdigit() or (first.isalpha() and not first.islower()) else NONE
    return NONE


def end_of(words: tuple[str, ...], marks: Marks) -> int:
    """Minimum start of the next words for a sentence to end after these, or NONE if it never does."""
    for word in reversed(words):
        if word in _CLOSING:
            continue
        if word[-1] in marks.before_space or not word.strip("."):
            return CAPITAL
        if word[-1] == "." and word[:-1] not in _NEVER_LAST:
            return OPENER
        return NONE
    return NONE
