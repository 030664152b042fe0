"""The family: which records become tasks, what the agent is told, and which answers are right."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from medgym_ray.actions import Action, ActionKind
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox
from medgym_ray.scoring import canonical
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task, Workspace
from medgym_ray.tasks.ehrcon import programs
from medgym_ray.tasks.ehrcon.evidence import Evidence, read_evidence
from medgym_ray.tasks.ehrcon.notes import STYLES, Note, about, read_notes, whole
from medgym_ray.tasks.ehrcon.schema import DATABASE, MOUNT
from medgym_ray.tasks.ehrcon.scoring import Reason, judge, paper_reward
from medgym_ray.tasks.records import Record, read_jsonl

_NOTES = "clinical_notes.csv"
_FIELDS = ("Hospital admission", "Medical entity", "Number of inconsistencies", "Has error")

_RULES = """\
The note makes one or more statements about the entity, each about one row of one table: of all rows that the entity \
has in this admission, the one that agrees with the statement in the most columns. (The tables may name the entity \
otherwise than the note: look its name up in the dictionaries D_ITEMS, D_LABITEMS, D_ICD_DIAGNOSES and \
D_ICD_PROCEDURES, or in PRESCRIPTIONS.DRUG and MICROBIOLOGYEVENTS.SPEC_TYPE_DESC.) A column disagrees where the note \
states another value than that row holds; what the note does not state is not compared. Times are compared to the \
minute, dates to the day, numbers by value, text without regard to case, ICD-9 codes without the dot; "units" is UNIT; \
by mouth is PO, intravenous IV, subcutaneous SC, intramuscular IM, rectal PR, by nasogastric tube NG."""

_PROOF = """\
Assign to `answer` a dict: {"has_error": True if any column disagrees, else False, "columns": list of the columns that \
disagree, as "TABLE.COLUMN" (empty if none does), "rows": list of the ROW_IDs of the rows that the statements are \
about, whether they disagree or not}."""

_VERDICT = "Assign to `answer` True if anything that the note says about it contradicts the tables, else False."

_Key = tuple[int, str]


class EHRCon(Family):
    """Whether a note agrees with the tables about one medical entity (Kwon et al., NeurIPS 2024), and where not."""

    name = "ehrcon"
    licence = "physionet-1.5.0"
    restricted = True
    categories: tuple[str, ...] = STYLES
    actions = frozenset(ActionKind)
    scorer_version = "1"
    paper_sizes: Mapping[Split, int] = {"train": 3229, "test": 976}

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """The tasks of a split; all records of an (admission, entity) with contradictory verdicts are dropped."""
        path = root / self.name / f"{split}_tasks.jsonl"
        verdicts: defaultdict[_Key, set[bool]] = defaultdict(set)
        for record in read_jsonl(path, LoadReport()):
            if _complaint(record.fields) is None:
                verdicts[_key(record.fields)].add(_has_error(record.fields) is True)
        notes = read_notes(root / self.name / _NOTES, {admission for admission, _ in verdicts}, report)
        seen: set[_Key] = set()
        for record in read_jsonl(path, report):
            try:
                task = self._task(record, split, notes)
            except ValueError as error:
                report.record_broken(record.path, record.line, str(error))
                continue
            key = _key(record.fields)
            if len(verdicts[key]) > 1:
                report.task_dropped(f"{task.task_id}#{record.line}", "records of its entity give both verdicts")
            elif key in seen:
                report.task_dropped(f"{task.task_id}#{record.line}", "duplicate: an earlier line has the same entity")
            elif task.category not in self.categories:
                report.task_dropped(task.task_id, f"its note is none of {', '.join(STYLES)}")
            else:
                seen.add(key)
                yield task

    def _task(self, record: Record, split: Split, notes: Mapping[int, Sequence[Note]]) -> Task:
        fields = record.fields
        if complaint := _complaint(fields):
            raise ValueError(complaint)
        admission, _ = _key(fields)
        if admission not in notes:
            raise ValueError(f"admission {admission} has no note in {_NOTES}")
        has_error = _has_error(fields) is True
        evidence = read_evidence(fields["Evidence"]) if "Evidence" in fields else None
        if evidence is not None and bool(evidence.columns) is not has_error:
            raise ValueError("Evidence: does not fit Has error")
        entity = fields["Medical entity"].strip()
        read = about(entity, notes[admission])
        return Task(
            task_id=f"{self.name}/{record.sha256[:16]}",
            family=self.name,
            category=fields.get("category") or read[0].style or "",
            split=split,
            inputs={
                "admission": admission,
                "entity": entity,
                "note": "\n\n----- next note -----\n\n".join(note.text.strip() for note in read),
                "asks_evidence": evidence is not None,
            },
            gold={"has_error": has_error, "evidence": evidence.fields() if evidence else None},
            source_sha256=record.sha256,
        )

    def prepare(self, task: Task) -> Workspace:
        """The note as a file, for programs that read it."""
        return Workspace({"note.txt": task.inputs["note"].encode()})

    def tables(self, root: Path) -> Mapping[str, Path]:
        """The database alone: the notes lie beside task files."""
        return {MOUNT: root / self.name / DATABASE}

    def prompt(self, task: Task) -> str:
        """The note, the entity, how a statement is compared with a row, and what to assign to `answer`."""
        inputs = task.inputs
        asked = f"{_RULES}\n\n{_PROOF}" if inputs["asks_evidence"] else _VERDICT
        return (
            f"Clinical note of hospital admission (HADM_ID) {inputs['admission']}, also in the file note.txt:\n"
            f"<note>\n{inputs['note']}\n</note>\n\n"
            f"Does what this note says about the medical entity {inputs['entity']!r} agree with the hospital's tables "
            f"in the SQLite database {MOUNT}?\n\n{asked}"
        )

    async def vet(self, task: Task, grader: Sandbox) -> str | None:
        """Compares anew what the note states with the tables that are there; see `Family.vet`."""
        evidence = _evidence(task)
        if evidence is None:
            return None
        code = programs.gold_program(task.inputs["admission"], evidence)
        found = await grader.run(Cell(code))
        submission = Submission(found.answer, found.has_answer, code, ran=found.status is CellStatus.OK)
        reason = judge(submission, task.gold["has_error"], evidence)
        return None if reason is Reason.CORRECT else f"its evidence does not follow from the tables: {reason}"

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # noqa: ARG002
        """Compares verdict and evidence; no code is run."""
        has_error = task.gold["has_error"]
        reason = judge(submission, has_error, _evidence(task))
        correct = reason is Reason.CORRECT
        return Score(float(correct), correct, reason.value, paper_reward(submission, has_error))

    def oracle(self, task: Task) -> list[Action] | None:
        """Looks the entity up, reads its rows, compares; the verdict itself where a record has no evidence."""
        evidence, admission = _evidence(task), task.inputs["admission"]
        if evidence is None:
            return [Action(ActionKind.SUBMIT, {"answer": task.gold["has_error"]})]
        return [
            Action(
                ActionKind.REQUEST_INFO,
                {"data_path": MOUNT, "info_type": "term", "keyterm": evidence.name},
                f"The note speaks of {task.inputs['entity']!r}; I look up where the tables name it.",
            ),
            Action(
                ActionKind.CODE_EXECUTION,
                {"code": programs.look_up(admission, evidence)},
                f"It is in {evidence.table}; I read all its rows of this admission.",
            ),
            Action(
                ActionKind.SUBMIT,
                {"code": programs.gold_program(admission, evidence)},
                "I compare each statement of the note with the row that agrees with it best.",
            ),
        ]

    def honest(self, task: Task) -> Mapping[str, str]:
        """Spellings of the gold answer; see `Family.honest`."""
        evidence, has_error = _evidence(task), task.gold["has_error"]
        return programs.honest_proofs(has_error, evidence) if evidence else programs.honest_verdicts(has_error)

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """Answers with one fault; see `Family.near_misses`."""
        evidence, has_error = _evidence(task), task.gold["has_error"]
        if evidence:
            return programs.near_proofs(has_error, evidence)
        return {"the other verdict": f"answer = {not has_error}", "both verdicts": "answer = [True, False]"}

    def cheats(self, task: Task) -> list[str]:
        """Constants, dumps of the admission, crashes and a look for the task file."""
        return programs.cheats(task.inputs["admission"], task.inputs["entity"])


def _complaint(fields: Mapping[str, Any]) -> str | None:
    """What keeps a record from being one of this family."""
    for name in _FIELDS:
        if name not in fields:
            return f"field {name} is missing"
    if whole(fields["Hospital admission"]) is None:
        return f"Hospital admission: {fields['Hospital admission']!r} is no number of an admission"
    if not isinstance(fields["Medical entity"], str) or not fields["Medical entity"].strip():
        return "Medical entity: no text"
    if _has_error(fields) is None:
        return f"Has error: {fields['Has error']!r} is neither true nor false"
    count = whole(fields["Number of inconsistencies"])
    if count is None or count < 0:
        return f"Number of inconsistencies: {fields['Number of inconsistencies']!r} is no count"
    if (count > 0) is not _has_error(fields):
        return f"Has error: does not fit {count} inconsistencies"
    if fields.get("category", STYLES[0]) not in STYLES:
        return f"unknown category {fields['category']!r}"
    return None


def _has_error(fields: Mapping[str, Any]) -> bool | None:
    """True or False, as JSON or as text; None for anything else."""
    return {"true": True, "false": False}.get(canonical.text(fields["Has error"]))


def _key(fields: Mapping[str, Any]) -> _Key:
    return whole(fields["Hospital admission"]) or 0, canonical.text(fields["Medical entity"])


def _evidence(task: Task) -> Evidence | None:
    fields = task.gold["evidence"]
    return read_evidence(fields) if fields else None
