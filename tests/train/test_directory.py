"""A training's directory: whose it is, where it stopped, and that weights are there whole or not at all."""

from pathlib import Path

import pytest
import yaml

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.train.directory import TRAIN_FILE, TrainingDirectory, nothing_left, open_directory

SETTINGS = {"seed": 0, "optimizer.batch": 8}


def _begun(root: Path) -> TrainingDirectory:
    directory = open_directory(str(root), SETTINGS)
    directory.begin({"settings": {}})
    return directory


def test_the_same_settings_go_on_and_others_are_refused_by_name(tmp_path: Path) -> None:
    _begun(tmp_path / "out").close()
    assert not open_directory(str(tmp_path / "out"), SETTINGS).fresh
    with pytest.raises(ConfigError, match=r"other settings: seed=1 \(there: 0\); choose another output.dir"):
        open_directory(str(tmp_path / "out"), SETTINGS | {"seed": 1})


def test_what_is_no_training_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no training"):
        open_directory(str(tmp_path), SETTINGS)
    with pytest.raises(ConfigError, match="is a file"):
        open_directory(str(tmp_path / "precious"), SETTINGS)
    with pytest.raises(ConfigError, match="is empty"):
        open_directory(" ", SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = _begun(tmp_path / "out")
    with pytest.raises(ConfigError, match="another process is training there"):
        open_directory(str(tmp_path / "out"), SETTINGS)
    first.close()
    open_directory(str(tmp_path / "out"), SETTINGS).close()


def test_a_command_that_cannot_begin_leaves_nothing_and_one_that_goes_on_keeps_all(tmp_path: Path) -> None:
    fresh = open_directory(str(tmp_path / "out"), SETTINGS)
    fresh.begin({})
    with pytest.raises(ConfigError, match="bad"), nothing_left(fresh):
        raise ConfigError("bad")
    assert not (tmp_path / "out").exists()
    _begun(tmp_path / "out").close()
    again = open_directory(str(tmp_path / "out"), SETTINGS)
    with pytest.raises(ConfigError, match="bad"), nothing_left(again):
        raise ConfigError("bad")
    assert (tmp_path / "out" / TRAIN_FILE).is_file()


def test_a_checkpoint_that_was_being_written_is_none(tmp_path: Path) -> None:
    directory = _begun(tmp_path / "out")
    for step, state in {9: '{"global_step": 9}', 10: '{"global_st', 11: None}.items():
        checkpoint = directory.checkpoints / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        if state is not None:
            (checkpoint / "trainer_state.json").write_text(state, encoding="utf-8")
    found = directory.last_checkpoint()
    assert found is not None
    assert found.name == "checkpoint-9"
    assert [path.name for path in directory.checkpoints.iterdir()] == ["checkpoint-9"]


def test_weights_are_there_whole_or_not_at_all(tmp_path: Path) -> None:
    directory = _begun(tmp_path / "out")

    def half(folder: Path) -> None:
        (folder / "weights").write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        directory.finish("model", half, {})
    assert directory.result() is None
    whole = directory.finish("model", lambda folder: None, {"figures": {"loss": 1.0}})
    assert directory.result() == whole
    assert [path.name for path in whole.iterdir()] == [TRAIN_FILE]
    assert yaml.safe_load((whole / TRAIN_FILE).read_text(encoding="utf-8")) == {
        "identity": SETTINGS,
        "figures": {"loss": 1.0},
    }
