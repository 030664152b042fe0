"""The cell's `answer` as typed JSON: plain JSON where that says it all, {"$type": …} objects where it does not.

The values are the cell's own, so nothing here trusts their methods more than the cell itself is trusted: the worst a
hostile value can do is to spoil its own answer. Types of numpy and pandas are those loaded before the cell began.
"""

import base64
import datetime
import decimal
import json
import math
import sys
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 64
TAG = "$type"


class AnswerError(Exception):
    """Why a value cannot be carried."""


def encode(value: Any) -> Any:
    """`value` in typed JSON. Raises AnswerError."""
    return _encode(value, ())


def to_bytes(value: Any, limit: int) -> bytes:
    """`value` as the bytes of typed JSON. Raises AnswerError, also for more than `limit` bytes."""
    plain = encode(value)
    try:
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
        data = text.encode()
    except UnicodeEncodeError:
        raise AnswerError("answer holds text that is not valid Unicode (a lone surrogate)") from None
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"answer cannot be written as JSON: {error}") from None
    if len(data) > limit:
        raise AnswerError(f"answer is too large: {len(data)} bytes, the limit is {limit}")
    return data


def check(data: bytes) -> Any:
    """What the host may be handed of bytes that came from a cell. Raises AnswerError."""
    try:
        value = json.loads(data)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise AnswerError("answer arrived garbled") from None
    return value


def _encode(value: Any, parents: tuple[int, ...]) -> Any:
    if value is None or value is True or value is False:
        return value
    for kind, encoder in _SCALARS:
        if isinstance(value, kind):
            return encoder(value)
    for kind, composer in _COMPOSITES:
        if isinstance(value, kind):
            if id(value) in parents:
                raise AnswerError("answer holds itself")
            if len(parents) >= MAX_DEPTH:
                raise AnswerError(f"answer is nested more than {MAX_DEPTH} deep")
            return composer(value, (*parents, id(value)))
    kind = type(value)
    raise AnswerError(
        f"answer holds a value of type {kind.__module__}.{kind.__qualname__}; use numbers, text, dates, lists, dicts, "
        "sets, arrays, tables or series"
    )


def _float(value: float) -> Any:
    number = float(value)
    if math.isfinite(number):
        return number
    name = "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"
    return {TAG: "float", "value": name}


def _iso(name: str) -> Callable[[Any], Any]:
    return lambda value: {TAG: name, "value": value.isoformat()}


def _bytes(value: Any) -> Any:
    return {TAG: "bytes", "value": base64.b64encode(bytes(value)).decode()}


def _items(value: Any, parents: tuple[int, ...]) -> Any:
    return [_encode(item, parents) for item in value]


def _mapping(value: Any, parents: tuple[int, ...]) -> Any:
    if all(isinstance(key, str) for key in value) and TAG not in value:
        return {str(key): _encode(item, parents) for key, item in value.items()}
    return {TAG: "map", "items": [[_encode(key, parents), _encode(item, parents)] for key, item in value.items()]}


def _set(value: Any, parents: tuple[int, ...]) -> Any:
    return {TAG: "set", "items": _items(value, parents)}


_Scalar = tuple[type[Any], Callable[[Any], Any]]
_Composite = tuple[type[Any], Callable[[Any, tuple[int, ...]], Any]]

# In this order: a datetime is a date.
_SCALARS: list[_Scalar] = [
    (str, str.__str__),
    (int, int.__int__),
    (float, _float),
    (datetime.datetime, _iso("datetime")),
    (datetime.date, _iso("date")),
    (datetime.time, _iso("time")),
    (datetime.timedelta, lambda value: {TAG: "timedelta", "seconds": value.total_seconds()}),
    (decimal.Decimal, lambda value: {TAG: "decimal", "value": str(value)}),
    (complex, lambda value: {TAG: "complex", "value": [_float(value.real), _float(value.imag)]}),
    ((bytes), _bytes),
    ((bytearray), _bytes),
    ((memoryview), _bytes),
]
_COMPOSITES: list[_Composite] = [
    (list, _items),
    (tuple, _items),
    (dict, _mapping),
    (set, _set),
    (frozenset, _set),
    (range, _items),
    (type({}.keys()), _items),
    (type({}.values()), _items),
]


_learned: set[str] = set()


def learn_libraries() -> None:
    """Adds the types of numpy and pandas, where they are loaded and not known yet."""
    for name, learn in (("numpy", _learn_numpy), ("pandas", _learn_pandas)):
        library: Any = sys.modules.get(name)
        if library is not None and name not in _learned:
            learn(library)
            _learned.add(name)


def _learn_numpy(numpy: Any) -> None:
    datetime64, timedelta64, is_nat, unmasked = numpy.datetime64, numpy.timedelta64, numpy.isnat, numpy.ma.masked
    second = timedelta64(1, "s")

    def moment(value: Any) -> Any:
        if is_nat(value):
            return None
        if numpy.datetime_data(value.dtype)[0] in ("Y", "M", "W", "D"):
            return {TAG: "date", "value": str(value.astype("datetime64[D]"))}
        return {TAG: "datetime", "value": value.astype("datetime64[us]").item().isoformat()}

    def span(value: Any) -> Any:
        return None if is_nat(value) else {TAG: "timedelta", "seconds": float(value / second)}

    def scalar(value: Any) -> Any:
        plain = value.item()
        if isinstance(plain, numpy.generic):  # long doubles stay what they are
            plain = float(plain)
        return _encode(plain, ())

    def array(value: Any, parents: tuple[int, ...]) -> Any:
        if value.dtype.kind in "mM" or value.dtype.names:
            # tolist() would turn nanoseconds into bare integers
            return _encode(value[()], parents) if value.ndim == 0 else _items(value, parents)
        return _encode(value.tolist(), parents)

    # Before str and float: numpy's own str_ and float64 are subclasses of them.
    _SCALARS[:0] = [
        (type(unmasked), lambda _: None),
        (datetime64, moment),
        (timedelta64, span),
        (numpy.generic, scalar),
    ]
    _COMPOSITES.append((numpy.ndarray, array))


def _learn_pandas(pandas: Any) -> None:
    missing = (type(pandas.NaT), type(pandas.NA))

    def series(value: Any, parents: tuple[int, ...]) -> Any:
        return {TAG: "series", "index": _items(value.index, parents), "values": _items(value, parents)}

    def table(value: Any, parents: tuple[int, ...]) -> Any:
        columns = [_items(value.iloc[:, number], parents) for number in range(value.shape[1])]
        rows = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(len(value))]
        return {TAG: "table", "columns": _items(value.columns, parents), "rows": rows}

    _SCALARS[:0] = [
        *((kind, lambda _: None) for kind in missing),
        (pandas.Period, lambda value: str(value)),
        (pandas.Interval, lambda value: str(value)),
    ]
    _COMPOSITES.extend(
        [
            (pandas.Series, series),
            (pandas.DataFrame, table),
            (pandas.Index, _items),
            (pandas.api.extensions.ExtensionArray, _items),
        ]
    )
