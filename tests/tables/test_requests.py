"""What an agent is told about its tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.requests import answer
from tests.tables.conftest import Ask

ADMISSIONS = "/data/hospital/ADMISSIONS.csv"


def test_a_directory_shows_its_tables_with_columns_types_and_rows(ask: Ask) -> None:
    reply = ask("/data/hospital", "column_names")
    assert (reply.ok, reply.truncated) == (True, False)
    assert "4 tables in /data/hospital" in reply.text
    assert "- ADMISSIONS.csv, 4 rows: row_id (integer), hadm_id (integer), admittime (date/time)" in reply.text
    assert "- hospital.db:lab, 2 rows: subject_id (text), age (integer), value (number)" in reply.text
    assert '- hospital.db:odd " name, 0 rows: a (text)' in reply.text
    assert "gold" not in reply.text
    assert "tasks" not in reply.text


def test_a_table_shows_its_columns_with_ranges_and_examples(ask: Ask) -> None:
    lines = ask(ADMISSIONS, "column_names").text.splitlines()
    assert lines == [
        f"{ADMISSIONS}: 4 rows, 6 columns",
        "- row_id: integer, 4 distinct, 1 to 4",
        "- hadm_id: integer, 4 distinct, 1001 to 1004",
        "- admittime: date/time, 3 distinct, 2105-01-02 10:00:00 to 2105-12-31 23:59:00, 1 empty",
        '- admission_type: text, 3 distinct, e.g. "EMERGENCY", "ELECTIVE", "NEWBORN"',
        '- diagnosis: text, 3 distinct, e.g. "CHF, acute", "PNEUMONIA", "pneumonia", 1 empty',
        "- weight: number, 4 distinct, 3.2 to 81",
    ]


def test_a_database_keeps_the_types_that_its_values_have(ask: Ask) -> None:
    text = ask("/data/hospital/hospital.db:lab", "column_names").text
    assert '- subject_id: text [TEXT], 2 distinct, e.g. "007", "008"' in text
    assert "- age: integer [INTEGER], 2 distinct, 61 to 62" in text
    assert "- value: number [REAL], 2 distinct, 1.5 to 2.0" in text
    assert '- flag: text [TEXT], 1 distinct, e.g. "abnormal", 1 empty' in text
    assert "- raw: binary [BLOB]" in text


@pytest.mark.parametrize(
    "path",
    [
        ADMISSIONS,
        "/data//hospital/./ADMISSIONS.csv/",
        "/DATA/hospital/admissions.CSV",
        "ADMISSIONS.csv",
        "hospital/ADMISSIONS.csv",
        "admissions",
    ],
)
def test_a_path_may_be_spelt_in_many_ways(ask: Ask, path: str) -> None:
    assert ask(path, "column_names").text.startswith(f"{ADMISSIONS}: 4 rows")


@pytest.mark.parametrize("path", ["/data/hospital/hospital.db:lab", "hospital.db:lab", "hospital:lab", "LAB"])
def test_a_table_of_a_database_may_be_named_with_or_without_it(ask: Ask, path: str) -> None:
    assert ask(path, "column_names").text.startswith("/data/hospital/hospital.db:lab: 2 rows")


@pytest.mark.parametrize(
    ("path", "tables"), [("/", 4), ("/data", 4), ("/data/hospital/", 4), ("hospital", 4), ("hospital.db", 2)]
)
def test_a_directory_or_a_database_is_all_that_is_in_it(ask: Ask, path: str, tables: int) -> None:
    assert ask(path, "column_names").text.startswith(f"{tables} tables in ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("/data/hospitl", "column_names"), "/data/hospital"),
        (("/data/hospital/ADMISIONS.csv", "column_names"), ADMISSIONS),
        (("/data/hospital/hospital.db:labs", "column_names"), "/data/hospital/hospital.db:lab"),
        (("/etc/passwd", "column_names"), "no table or directory"),
        (("../../etc", "column_names"), "no table or directory"),
        ((ADMISSIONS, "column_values", "admision_type"), "admission_type"),
        ((ADMISSIONS, "column_values", "qqqq"), "row_id, hadm_id"),
        ((ADMISSIONS, "column_values"), "keyterm"),
        ((ADMISSIONS, "column_values", " "), "keyterm"),
        ((ADMISSIONS, "term"), "keyterm"),
        ((ADMISSIONS, "term", ["a"]), "keyterm"),
        ((ADMISSIONS, "term", "x" * 301), "keyterm"),
        (("/data" * 100, "column_names"), "data_path"),
        ((ADMISSIONS, "rows"), "column_names, column_values, term"),
    ],
)
def test_a_wrong_request_is_answered_with_what_there_is(ask: Ask, arguments: tuple[str, ...], told: str) -> None:
    reply = ask(*arguments)
    assert not reply.ok
    assert told in reply.text
    assert "\n" not in reply.text


def test_the_values_of_a_column_come_with_their_rows(ask: Ask) -> None:
    lines = ask(ADMISSIONS, "column_values", "admission_type").text.splitlines()
    assert lines[0] == f"{ADMISSIONS}, column admission_type: text, 3 distinct values, in 4 rows (0 empty)"
    assert lines[1:] == ['- "EMERGENCY" (2)', '- "ELECTIVE" (1)', '- "NEWBORN" (1)']


def test_a_numeric_column_comes_with_its_range(ask: Ask) -> None:
    lines = ask(ADMISSIONS, "column_values", "weight").text.splitlines()
    assert "number, 4 distinct values, from 3.2 to 81, in 4 rows" in lines[0]
    assert set(lines[1:]) == {"- 70.5 (1)", "- NA (1)", "- 81 (1)", "- 3.2 (1)"}, (
        "what pandas takes for missing is shown"
    )


@pytest.mark.parametrize(
    "column", ["long_title", "LONG_TITLE", "D_ICD_DIAGNOSES.csv.long_title", "d_icd_diagnoses.long_title"]
)
def test_a_column_may_be_looked_for_in_all_tables(ask: Ask, column: str) -> None:
    reply = ask("/data/hospital", "column_values", column)
    assert reply.text.startswith("/data/hospital/D_ICD_DIAGNOSES.csv, column long_title: text, 3 distinct values")


def test_a_code_keeps_its_leading_zeros(ask: Ask) -> None:
    assert '- "0389" (1)' in ask("/data/hospital", "column_values", "icd9_code").text


def test_a_term_is_found_in_all_tables_the_best_match_first(ask: Ask) -> None:
    lines = ask("/data/hospital", "term", "pneumonia").text.splitlines()
    assert lines[0] == '"pneumonia" in 4 tables in /data/hospital: found in 2 columns'
    assert lines[1:6] == [
        "ADMISSIONS.csv, column diagnosis:",
        '- "pneumonia" (1 row, exact)',
        '- "PNEUMONIA" (1 row, same but for case)',
        "D_ICD_DIAGNOSES.csv, column long_title:",
        '- "Pneumonia, organism unspecified" (1 row, contains it)',
    ]


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("pnemonia", "Pneumonia, organism unspecified"),
        ("pnuemonia", "PNEUMONIA"),
        ("Septicaemia", "Unspecified septicemia"),
        ("hart failur", "Congestive heart failure, unspecified"),
        ("failure of the heart", "Congestive heart failure, unspecified"),
        ("heart failure", "Congestive heart failure, unspecified"),
        ("ｐneumonia,  ORGANISM", "Pneumonia, organism unspecified"),
        ("eptic", "Unspecified septicemia"),
        ("CH", "CHF, acute"),
        ("abnormal", "abnormal"),
        ("0389", "0389"),
        (1003, "1003"),
        ("70.5", "70.5"),
    ],
)
def test_a_term_is_found_in_part_in_other_spelling_and_misspelt(ask: Ask, term: object, value: str) -> None:
    assert value in ask("/data/hospital", "term", term).text


def test_a_term_is_looked_for_only_where_it_was_asked_for(ask: Ask) -> None:
    text = ask(ADMISSIONS, "term", "septicemia").text
    assert text.startswith(f'"septicemia" in {ADMISSIONS}: not found, nor anything like it')


def test_long_texts_are_searched_by_word_and_the_answer_says_so(ask: Ask) -> None:
    lines = ask("hospital.db", "term", "shock").text.splitlines()
    assert lines[0].endswith("found in 1 column")
    assert lines[1:3] == ["hospital.db:lab, column note, by word:", "- shock (2 rows)"]
    assert lines[3].startswith("(long texts")
    assert "- septic (1 row)" in ask("hospital.db", "term", "septc shock").text
    assert "not found, nor anything like it" in ask("hospital.db", "term", "shock albumin").text
    assert "The patient was in septic shock." in ask("lab", "column_values", "note").text


def test_an_answer_is_cut_at_a_line_where_it_would_be_too_long(ask: Ask) -> None:
    whole = ask(ADMISSIONS, "column_names").text
    reply = ask(ADMISSIONS, "column_names", most_bytes=150)
    assert reply.truncated
    assert len(reply.text.encode()) <= 150
    assert whole.startswith(f"{reply.text}\n")


_WORDS = ["pneumonia", "OR", "NEAR", "heart", '"', "*", "^", "(", "{a}:", "-", "abc" * 30, "a", "\0", "shok"]
_TERMS = st.text(max_size=300) | st.lists(st.sampled_from(_WORDS), max_size=60).map(
    lambda chosen: " ".join(chosen)[:300]
)


@given(path=st.sampled_from(["/", "LAB"]) | _TERMS, info=st.sampled_from(["column_values", "term"]), term=_TERMS)
def test_whatever_is_asked_is_answered(index: TableIndex, path: str, info: str, term: str) -> None:
    reply = answer(index, {"data_path": path, "info_type": info, "keyterm": term}, 65_536)
    assert reply.text
