"""The tables that notes are compared with: where the name of an entity stands, and what can disagree."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DATABASE: Final = "EHRCon_combined.db"
MOUNT: Final = f"/data/ehrcon/{DATABASE}"


class Compared(StrEnum):
    """How a stated value is compared with a column's."""

    TIME = "time"
    """To the precision of the statement: a day or a minute."""
    NUMBER = "number"
    TEXT = "text"
    """Without regard to case."""


@dataclass(frozen=True, slots=True)
class EventTable:
    """A table whose rows a statement of a note can be about."""

    columns: dict[str, Compared]
    """What a statement may state of a row, by column."""
    name_column: str
    """Where the entity's name stands: in the dictionary, or in the table itself."""
    dictionary: str | None = None
    key: str | None = None
    """What joins the table with its dictionary."""

    def select(self, table: str) -> str:
        """Reads ROW_ID and the comparable columns of an entity's rows. Parameters: admission, name in lower case."""
        columns = ", ".join(f"event.{column}" for column in ("ROW_ID", *self.columns))
        joined, owner = "", "event"
        if self.dictionary is not None:
            joined, owner = f" JOIN {self.dictionary} AS term ON term.{self.key} = event.{self.key}", "term"
        return (
            f"SELECT {columns} FROM {table} AS event{joined} "
            f"WHERE event.HADM_ID = ? AND lower({owner}.{self.name_column}) = ?"
        )


_MEASURED: Final = {"CHARTTIME": Compared.TIME, "VALUENUM": Compared.NUMBER, "VALUEUOM": Compared.TEXT}
_CODED: Final = {"ICD9_CODE": Compared.TEXT, "CHARTTIME": Compared.TIME}

EVENT_TABLES: Final[dict[str, EventTable]] = {
    "CHARTEVENTS": EventTable(_MEASURED, "LABEL", "D_ITEMS", "ITEMID"),
    "LABEVENTS": EventTable(_MEASURED, "LABEL", "D_LABITEMS", "ITEMID"),
    "INPUTEVENTS_CV": EventTable({"CHARTTIME": Compared.TIME, "AMOUNT": Compared.NUMBER}, "LABEL", "D_ITEMS", "ITEMID"),
    "OUTPUTEVENTS": EventTable({"CHARTTIME": Compared.TIME, "VALUE": Compared.NUMBER}, "LABEL", "D_ITEMS", "ITEMID"),
    "PRESCRIPTIONS": EventTable(
        {
            "STARTDATE": Compared.TIME,
            "DOSE_VAL_RX": Compared.NUMBER,
            "DOSE_UNIT_RX": Compared.TEXT,
            "ROUTE": Compared.TEXT,
        },
        "DRUG",
    ),
    "DIAGNOSES_ICD": EventTable(_CODED, "LONG_TITLE", "D_ICD_DIAGNOSES", "ICD9_CODE"),
    "PROCEDURES_ICD": EventTable(_CODED, "LONG_TITLE", "D_ICD_PROCEDURES", "ICD9_CODE"),
    "MICROBIOLOGYEVENTS": EventTable({"CHARTTIME": Compared.TIME, "ORG_NAME": Compared.TEXT}, "SPEC_TYPE_DESC"),
}
