"""Token texts: from the tokenizer that is at hand, never fetched, and never a reason to fail."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from medgym_ray.errors import ConfigError
from medgym_ray.store.run import write_run_file
from medgym_ray.store.stored import open_run
from medgym_ray.view.vocabulary import Unknown, open_vocabulary
from tests.conftest import lacking
from tests.records import make_trajectory
from tests.view.stored_runs import store_run

_WORDS = {"heart": 0, "rate": 1, "[UNK]": 2}


def test_a_run_without_a_model_of_its_own_has_no_token_texts(tmp_path: Path) -> None:
    run = open_run(str(store_run(tmp_path, [make_trajectory("t")])))
    found, problem = open_vocabulary(run, "auto")
    assert isinstance(found, Unknown)
    assert problem is None
    assert found.texts(np.array([1])) == {}


def test_the_runs_tokenizer_may_be_elsewhere_and_a_named_one_may_not(tmp_path: Path) -> None:
    root = store_run(tmp_path / "run", [make_trajectory("t")])
    write_run_file(root, {"model.path": str(tmp_path / "gone")}, {}, {})
    found, problem = open_vocabulary(open_run(str(root)), "auto")
    assert isinstance(found, Unknown)
    assert problem is not None
    assert "give tokenizer=DIR" in problem
    with pytest.raises(ConfigError, match="give tokenizer=DIR"):
        open_vocabulary(open_run(str(root)), str(tmp_path / "gone"))
    assert open_vocabulary(open_run(str(root)), "none")[1] is None


def test_texts_are_those_of_the_tokenizer(tmp_path: Path) -> None:
    if importlib.util.find_spec("transformers") is None:
        lacking("vllm", "transformers is not installed (make vllm-cpu)")
    model = {"type": "WordLevel", "vocab": _WORDS, "unk_token": "[UNK]"}
    split = {"type": "Whitespace"}
    content = {"version": "1.0", "added_tokens": [], "model": model, "pre_tokenizer": split}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    run = open_run(str(store_run(tmp_path / "run", [make_trajectory("t")])))
    found, _ = open_vocabulary(run, str(tmp_path))
    assert found.texts(np.array([1, 0, 1, 999])) == {0: "heart", 1: "rate", 999: ""}
