"""The clock of EHRSQL: "now" is one fixed instant, and no query may read the machine's own."""

from typing import Final

from medgym_ray.tasks.sql.tokens import Kind, Token, tokens, without_space

NOW: Final = "2105-12-31 23:59:00"

_NORMAL_RANGES: Final = {
    "temperature": (35.5, 38.1),
    "sao2": (95.0, 100.0),
    "heart_rate": (60.0, 100.0),
    "respiration": (12.0, 18.0),
    "systolic_bp": (90.0, 120.0),
    "diastolic_bp": (60.0, 90.0),
    "mean_bp": (60.0, 110.0),
}
"""Of the vital signs, as EHRSQL publishes them."""
_PLACEHOLDERS: Final = {
    f"{vital}_{bound}": str(value)
    for vital, normal in _NORMAL_RANGES.items()
    for bound, value in zip(("lower", "upper"), normal, strict=True)
}
_CLOCK_WORDS: Final = ("current_time", "current_date", "current_timestamp")
_CLOCK_ARGUMENTS: Final = frozenset({"now", "subsec", "subsecond"})
_DATE_FUNCTIONS: Final = ("date", "time", "datetime", "julianday", "unixepoch")


def postprocess(sql: str) -> str:
    """A query as EHRSQL runs it: `current_time` is NOW, vital-sign ranges are numbers, formats have their capitals.

    The published queries were put in lower case, and `%y` and `%j` mean `%Y` and `%J` in SQLite. Other strings stay.
    """
    done: list[str] = []
    before: list[Token] = [Token(Kind.SPACE, "")] * 2
    for token in tokens(sql):
        text = token.text
        if token.kind is Kind.WORD and not before[-1].says("."):
            text = f"'{NOW}'" if token.says("current_time") else _PLACEHOLDERS.get(text.lower(), text)
        elif token.kind in {Kind.STRING, Kind.QUOTED} and before[-2].says("strftime") and before[-1].says("("):
            text = text.replace("%y", "%Y").replace("%j", "%J")
        elif token.says("=") and before[-1].says("<", ">", "!") and not done[-1].strip():
            done.pop()  # "< =" is how some tokenised queries spell "<="
        done.append(text)
        if token.kind is not Kind.SPACE:
            before = [before[-1], token]
    return "".join(done)


def clock_read(sql: str) -> str | None:
    """What in a query would read the machine's clock, if anything does."""
    found = without_space(sql)
    end = Token(Kind.SPACE, "")
    for index, token in enumerate(found):
        previous = found[index - 1] if index else end
        if token.says(*_CLOCK_WORDS) and not previous.says("."):
            return token.text
        if token.kind in {Kind.STRING, Kind.QUOTED} and token.content.strip().lower() in _CLOCK_ARGUMENTS:
            return token.text
        opens, first, second = (*found[index + 1 : index + 4], end, end, end)[:3]
        if opens.says("("):
            if token.says(*_DATE_FUNCTIONS) and first.says(")"):
                return f"{token.text}()"
            if token.says("strftime") and second.says(")"):
                return f"{token.text}({first.text})"
    return None
