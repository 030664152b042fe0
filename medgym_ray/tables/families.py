"""The tables of a run's families on this node: what to mount into sandboxes, and an index for each family."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from medgym_ray.actions import ActionKind
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.index import TableIndex
from medgym_ray.tasks.base import Family


class FamilyTables:
    """Opened once per executor, for all its episodes."""

    def __init__(self, root: Path | None, families: Iterable[Family]) -> None:
        """Opens the tables of `families` under `root`, else of their samples; indexes are built where missing.

        That may take minutes.

        Raises ConfigError where tables are missing or broken, or where two families want one path in the sandbox.
        """
        self._root = root
        self._mounts: dict[str, Path] = {}
        self._indexes: dict[str, TableIndex] = {}
        for family in families:
            tables = self._tables_of(family)
            for target, source in tables.items():
                if self._mounts.setdefault(target, source) != source:
                    raise ConfigError(f"family {family.name}: {target} is {self._mounts[target]} of another family")
            if tables and ActionKind.REQUEST_INFO in family.actions:
                try:
                    self._indexes[family.name] = open_index(tables)
                except TaskError as error:
                    raise ConfigError(f"family {family.name}: {error}") from error

    @property
    def mounts(self) -> Mapping[str, Path]:
        """Path in the sandbox → file or directory outside."""
        return self._mounts

    def index(self, family: Family) -> TableIndex | None:
        """Of that family's tables; None where it has none to search. Raises TaskError where this node lacks them."""
        if not self._mounts.keys() >= self._tables_of(family).keys():
            raise TaskError(f"{family.name}: its tables are not on this node; tasks.root must be on shared storage")
        return self._indexes.get(family.name)

    def _tables_of(self, family: Family) -> Mapping[str, Path]:
        return family.tables(self._root or family.sample_root())

    def close(self) -> None:
        """Lets go of the indexes."""
        for index in self._indexes.values():
            index.close()
