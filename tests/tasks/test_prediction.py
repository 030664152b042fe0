"""What both prediction families rest on: strict reading of hostile files, true AUROC, pickles that run nothing."""

import itertools
import os
import pickle
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.tasks.prediction.conversion import converted
from medgym_ray.tasks.prediction.labels import read_labels, write_keys, write_labels
from medgym_ray.tasks.prediction.problem import Classes, Key, KeyColumn, Keys, Problem, bits, flag, grade, one_of
from medgym_ray.tasks.prediction.scoring import accuracy, is_decided, mean_auroc, score_file
from medgym_ray.tasks.prediction.submitted import read_predictions
from medgym_ray.tasks.prediction.unpickling import read_arrays, read_table

KEYS = Keys((KeyColumn("patient_id"), KeyColumn("prediction_time", is_time=True)))
WHEN = datetime(2020, 5, 6, 23, 59)  # noqa: DTZ001 - as the files have it
LABELS: dict[Key, int] = {(11, WHEN): 1, (12, WHEN): 0, (13, WHEN): 0}
HEADER = "patient_id,prediction_time,probability\n"
GOOD = f"{HEADER}11,2020-05-06 23:59:00,0.9\n12,2020-05-06 23:59:00,0.2\n13,2020-05-06 23:59:00,0.1\n"


def problem(classes: Classes | None = None) -> Problem:
    return Problem(KEYS, "value", classes or flag(), 0.7)


def fault(data: bytes, labels: dict[Key, int] = LABELS) -> str | None:
    return read_predictions(data, KEYS, flag(), labels.keys()).fault


def test_a_good_file_earns_what_its_order_is_worth() -> None:
    score = score_file(GOOD.encode(), problem(), LABELS)
    assert (score.reward, score.success, score.reason, score.reward_paper) == (1.0, True, "good_enough", 1.0)
    half = score_file(GOOD.replace("0.9", "0.15").encode(), problem(), LABELS)
    assert (half.reward, half.success, half.reason) == (0.0, False, "no_better_than_chance")


FAULTS = {
    "empty_file": [b"", b"\n\n", b"\xef\xbb\xbf"],
    "not_utf8": [b"\xff\xfe" + GOOD.encode("utf-16-le"), pickle.dumps([1.0]), b"\x1f\x8b\x08\x00"],
    "not_csv": [GOOD.encode() + b'"', GOOD.encode() + b"11,2020-05-06\n"],
    "missing_column": [
        GOOD.replace(",", ";").encode(),
        GOOD.replace("probability", "prediction").encode(),
        GOOD.removeprefix(HEADER).encode(),
    ],
    "repeated_column": [GOOD.replace("patient_id", "probability,patient_id").encode()],
    "unknown_row": [
        GOOD.replace("13,", "14,").encode(),
        GOOD.replace("13,", "13.5,").encode(),
        GOOD.replace("13,", "×,").encode(),
        GOOD.replace("13,2020-05-06 23:59:00", "13,2020-05-06").encode(),
        GOOD.replace("13,2020-05-06 23:59:00", "13,2020-05-06 23:59:00+00:00").encode(),
        (GOOD + "14,2020-05-06 23:59:00,0.5\n").encode(),
    ],
    "repeated_row": [(GOOD + "13,2020-05-06 23:59:00,0.1\n").encode(), (GOOD + "13,2020-05-06 23:59,0.8\n").encode()],
    "missing_row": [HEADER.encode(), GOOD.rsplit("13,")[0].encode()],
    "not_a_number": [
        GOOD.replace("0.1", value).encode()
        for value in ("", "nan", "inf", "True", "10%", "0.1x", "1e999", "0,1", "½")
        if "," not in value
    ],
    "out_of_range": [GOOD.replace("0.1", value).encode() for value in ("1.0000001", "-0.0001", "12", "1e300")],
    "too_large": [b"0" * 20_000],
    "too_many_rows": [(HEADER + "1,2,3\n" * 30).encode()],
}


@pytest.mark.parametrize(("reason", "data"), [(reason, data) for reason, some in FAULTS.items() for data in some])
def test_a_faulty_file_is_told_apart_and_earns_nothing(reason: str, data: bytes) -> None:
    assert fault(data) == reason
    score = score_file(data, problem(), LABELS)
    assert (score.reward, score.success, score.reason) == (0.0, False, reason)
    assert score.reward_paper is not None
    assert 0 <= score.reward_paper <= 1


HONEST = (
    GOOD.replace("\n", "\r\n"),
    GOOD.replace("\n", "\r"),
    "\ufeff" + GOOD,
    GOOD.rstrip("\n") + "\n\n \n".replace(" ", ""),
    GOOD.replace(",", " , "),
    GOOD.replace("23:59:00", "23:59"),
    GOOD.replace(" 23", "T23"),
    GOOD.replace("0.1", "1E-1").replace("0.9", ".9"),
    GOOD.replace("11,", '"11",'),
    GOOD.replace("12,", "12.0,"),
    GOOD.replace("patient_id", " Patient_ID "),
    "".join(f"{number},{line}\n" for number, line in enumerate(GOOD.splitlines())),
)


@pytest.mark.parametrize("text", HONEST)
def test_the_same_file_in_other_spellings(text: str) -> None:
    assert fault(text.encode()) is None
    assert score_file(text.encode(), problem(), LABELS).reward == 1.0


def test_no_bytes_make_the_reader_raise_or_earn() -> None:
    rng = random.Random(3)
    for _ in range(400):
        data = bytearray(GOOD.encode())
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        predictions = read_predictions(bytes(data), KEYS, flag(), LABELS.keys())
        assert predictions.fault or predictions.rows.keys() == LABELS.keys()


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = random.Random(5)
    for _ in range(50):
        truth = [True, False, *(rng.random() < 0.3 for _ in range(30))]
        scores = [rng.randrange(8) / 8 for _ in truth]
        pairs = [
            (a, b) for (a, x), (b, y) in itertools.product(zip(scores, truth, strict=True), repeat=2) if x and not y
        ]
        expected = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
        assert mean_auroc([(s,) for s in scores], [(t,) for t in truth]) == pytest.approx(expected, abs=1e-12)


def test_columns_of_one_answer_do_not_count() -> None:
    truth = [(True, False), (False, False)]
    assert mean_auroc([(0.9, 0.3), (0.1, 0.4)], truth) == 1.0
    assert is_decided(LABELS, flag())
    assert not is_decided(dict.fromkeys(LABELS, 1), flag())
    assert not is_decided({}, flag())


@pytest.mark.parametrize("constant", [0.0, 0.5, 1.0, 0.123456789])
@pytest.mark.parametrize("classes", [flag(), grade(4), bits("abcdefghijklmn"), one_of(4)])
def test_a_constant_earns_exactly_nothing(constant: float, classes: Classes) -> None:
    rng = random.Random(1)
    labels: dict[Key, int] = {(number, WHEN): rng.choice(classes.values) for number in range(301)}
    rows = [f"{number},{WHEN},{','.join([str(constant)] * len(classes.columns))}" for number, _ in labels]
    data = "\n".join([",".join(["patient_id", "prediction_time", *classes.columns]), *rows])
    score = score_file(data.encode(), problem(classes), labels)
    assert (score.reward, score.success, score.reason) == (0.0, False, "no_better_than_chance")


def test_classes_read_labels() -> None:
    assert [flag().of(value) for value in (0, 1)] == [(False,), (True,)]
    assert [grade(4).of(value) for value in range(4)] == [(False,), (True,), (True,), (True,)]
    assert bits("abcd").of(0b1001) == (True, False, False, True)
    assert one_of(3).of(2) == (False, False, True)


def test_the_papers_accuracy_counts_the_rows_of_the_file_alone() -> None:
    def paid(text: str, classes: Classes, labels: dict[Key, int]) -> float:
        return accuracy(read_predictions(text.encode(), KEYS, classes, labels.keys()), classes, labels)

    one_right_row = f"{HEADER}11,2020-05-06 23:59:00,1\n"
    assert score_file(one_right_row.encode(), problem(), LABELS).reward == 0
    assert paid(one_right_row, flag(), LABELS) == 1.0
    assert paid(GOOD.replace("0.2", "0.5"), flag(), LABELS) == pytest.approx(2 / 3)
    assert paid(GOOD.replace("0.2", "nan"), flag(), LABELS) == pytest.approx(2 / 3)
    header = "patient_id,prediction_time,probability_0,probability_1,probability_2\n"
    assert paid(header + "11,2020-05-06 23:59:00,0.2,0.4,0.3\n", one_of(3), {(11, WHEN): 1}) == 1.0


LABEL_FILE = (
    "patient_id,value,label_type,prediction_time\n"
    "tensor(11),True,boolean,2020-05-06T23:59:00\n12,False,boolean,2020-05-06 23:59\n12,0,boolean,2020-05-06 23:59\n"
)


def test_label_files_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(LABEL_FILE)
    labels = read_labels(path, problem())
    assert labels.values == {(11, WHEN): 1, (12, WHEN): 0}
    assert write_labels(labels.values, problem()).decode() == (
        "patient_id,prediction_time,value\n11,2020-05-06 23:59:00,1\n12,2020-05-06 23:59:00,0\n"
    )
    assert write_keys(labels.values, problem()).decode() == (
        "patient_id,prediction_time\n11,2020-05-06 23:59:00\n12,2020-05-06 23:59:00\n"
    )
    path.write_text(LABEL_FILE + "12,1,boolean,2020-05-06 23:59\n")
    labels = read_labels(path, problem())
    assert (labels.values, labels.contradictory) == ({(11, WHEN): 1}, 1)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("13,2,boolean,2020-05-06 23:59", ":5: value is '2', not 0 to 1"),
        ("13,0.5,boolean,2020-05-06 23:59", ":5: value is '0.5'"),
        ("13,,boolean,2020-05-06 23:59", ":5: value is ''"),
        ("x,1,boolean,2020-05-06 23:59", ":5: no patient_id and prediction_time in x, "),
        ("13,1,boolean,2020-13-06", ":5: no patient_id and prediction_time in 13, 2020-13-06"),
        ("13,1,boolean", ":5: has 3 fields, the header 4"),
        ('13,1,"boolean', ":5: unexpected end of data"),
    ],
)
def test_a_broken_label_file_is_named_with_its_line(line: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"{LABEL_FILE}{line}\n")
    with pytest.raises(TaskError) as caught:
        read_labels(path, problem())
    assert str(caught.value).startswith(f"{path}{why}")


def test_label_files_that_cannot_be_read_at_all(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    with pytest.raises(TaskError, match="No such file"):
        read_labels(path, problem())
    path.write_bytes(b"\xff")
    with pytest.raises(TaskError, match="is not UTF-8"):
        read_labels(path, problem())
    path.write_text("patient_id,label\n")
    with pytest.raises(TaskError, match=":1: needs one column prediction_time"):
        read_labels(path, problem())


class Evil:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_arrays_are_read_and_all_others_refused(protocol: int, tmp_path: Path) -> None:
    path, witness = tmp_path / "some.pkl", tmp_path / "witness"
    held = {
        "data_matrix": np.arange(6, dtype=np.float16).reshape(2, 3),
        "labeling_time": np.array([WHEN, WHEN], dtype=object),
        "patient_ids": np.array([11, 12]),
    }
    path.write_bytes(pickle.dumps(held, protocol))
    read = read_arrays(path)
    assert all(np.array_equal(read[name], held[name]) for name in held)
    for function, arguments in ((os.mkdir, (str(witness),)), (eval, ("1",)), (np.load, (str(witness),))):
        path.write_bytes(pickle.dumps({"data_matrix": Evil(function, *arguments)}, protocol))
        for reader in (read_arrays, read_table):
            with pytest.raises(TaskError, match=r"cannot be unpickled: it names .*which no array or table is made of"):
                reader(path)
    assert not witness.exists()


def test_a_pickle_that_breaks_off_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "some.pkl"
    with pytest.raises(TaskError, match="No such file"):
        read_arrays(path)
    path.write_bytes(pickle.dumps(np.arange(99))[:-9])
    for reader in (read_arrays, read_table):
        with pytest.raises(TaskError, match=r"some\.pkl: cannot be unpickled"):
            reader(path)


def test_a_conversion_happens_once_per_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made: list[str] = []

    def copy(source: Path, target: Path) -> None:
        made.append(source.name)
        (target / "copy").write_bytes(source.read_bytes())

    one, same, other = (tmp_path / name for name in ("one", "same", "other"))
    for path, text in ((one, "1"), (same, "1"), (other, "2")):
        path.write_text(text)
    first = converted(one, "copy-1", copy)
    assert first == converted(one, "copy-1", copy) == converted(same, "copy-1", copy)
    assert (converted(other, "copy-1", copy) / "copy").read_text() == "2"
    assert made == ["one", "other"]
    assert first.parent.stat().st_mode & 0o77 == 0
    with pytest.raises(TaskError, match="No such file"):
        converted(tmp_path / "none", "copy-1", copy)

    def fail(source: Path, target: Path) -> None:
        (target / "half").write_text("")
        raise TaskError("broken")

    with pytest.raises(TaskError, match="broken"):
        converted(one, "other-1", fail)
    assert not list(first.parent.glob("other-1-*/"))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="XDG_CACHE_HOME"):
        converted(one, "copy-1", copy)
