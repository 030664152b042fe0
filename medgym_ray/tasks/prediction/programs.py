"""Programs around a prediction task: what a good agent sends, honest variants, near misses and cheats.

A family's own data program comes first in most of them. It reads the data and leaves `X` and `Y` (rows to learn from,
one 0/1 column of Y for each column of probabilities), `X_new` and `keys` (rows to predict), and `columns`.
"""

from collections.abc import Mapping

from medgym_ray.actions import Action, ActionKind
from medgym_ray.tasks.prediction.problem import Problem

_MODELS = """
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def probabilities(model, X, Y, X_new):
    found = [model.fit(X, y).predict_proba(X_new)[:, 1] if y.any() else np.zeros(len(X_new)) for y in Y.T]
    return np.column_stack(found)

def logistic(C):
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000))
"""
_CHOOSE = """
held_out = np.random.default_rng(0).random(len(X)) < 0.3
def check(model):
    P = probabilities(model, X[~held_out], Y[~held_out], X[held_out])
    areas = [roc_auc_score(y, p) for y, p in zip(Y[held_out].T, P.T) if 0 < y.sum() < len(y)]
    return float(np.mean(areas))
checked = {C: check(logistic(C)) for C in (0.001, 0.01, 0.1)}
"""
_PREDICT = """
predictions = keys.copy()
predictions[columns] = probabilities(MODEL, X, Y, X_new)
"""
_PLAIN = 'predictions.to_csv("predictions.csv", index=False)\n'
_BEST = _PREDICT.replace("MODEL", "logistic(max(checked, key=checked.get))")
_QUICK = _PREDICT.replace("MODEL", "logistic(0.01)")

_WRITTEN: Mapping[str, str] = {
    "plain": _PLAIN,
    "rows shuffled": 'predictions.sample(frac=1, random_state=3).to_csv("predictions.csv", index=False)\n',
    "columns reversed": 'predictions[predictions.columns[::-1]].to_csv("predictions.csv", index=False)\n',
    "further columns": 'predictions.assign(model="logistic", fold=0).to_csv("predictions.csv", index=False)\n',
    "with the index": 'predictions.to_csv("predictions.csv")\n',
    "six decimals": 'predictions.to_csv("predictions.csv", index=False, float_format="%.6f")\n',
    "scientific": 'predictions.to_csv("predictions.csv", index=False, float_format="%.9e")\n',
    "carriage returns": r'predictions.to_csv("predictions.csv", index=False, lineterminator="\r\n")' "\n",
    "quoted": 'import csv\npredictions.to_csv("predictions.csv", index=False, quoting=csv.QUOTE_ALL)\n',
    "byte order mark": 'predictions.to_csv("predictions.csv", index=False, encoding="utf-8-sig")\n',
    "no last line break": 'open("predictions.csv", "w").write(predictions.to_csv(index=False).rstrip())\n',
    "blank lines at the end": 'open("predictions.csv", "w").write(predictions.to_csv(index=False) + "\\n\\n")\n',
    "spaces": 'open("predictions.csv", "w").write(predictions.to_csv(index=False).replace(",", " , "))\n',
    "single precision": 'predictions[columns] = predictions[columns].astype("float32")\n' + _PLAIN,
    "whole numbers with a point": "predictions[keys.columns[0]] = keys.iloc[:, 0].astype(float)\n" + _PLAIN,
    "ranks": "predictions[columns] = predictions[columns].rank(pct=True)\n" + _PLAIN,
}
_TIMES: Mapping[str, str] = {
    "times with a T": 'predictions["TIME"] = predictions["TIME"].str.replace(" ", "T")\n' + _PLAIN,
    "times without seconds": 'predictions["TIME"] = predictions["TIME"].str.removesuffix(":00")\n' + _PLAIN,
    "times as timestamps": 'predictions["TIME"] = pd.to_datetime(predictions["TIME"])\n' + _PLAIN,
    "times with fractions": 'predictions["TIME"] += ".000000"\n' + _PLAIN,
}
_OTHER_MODELS: Mapping[str, str] = {
    "naive Bayes": "from sklearn.naive_bayes import GaussianNB as Model\n" + _PREDICT.replace("MODEL", "Model()"),
    "linear discriminant": (
        "from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as Model\n"
        + _PREDICT.replace("MODEL", "Model(solver='lsqr', shrinkage=0.3)")
    ),
    "random forest": (
        "from sklearn.ensemble import RandomForestClassifier as Model\n"
        + _PREDICT.replace("MODEL", "Model(60, min_samples_leaf=5, random_state=0)")
    ),
}
_FAULTS: Mapping[str, str] = {
    "a row missing": 'predictions.iloc[1:].to_csv("predictions.csv", index=False)\n',
    "a row twice": 'pd.concat([predictions, predictions.iloc[:1]]).to_csv("predictions.csv", index=False)\n',
    "a row of no one": (
        "other = predictions.iloc[:1].copy()\nother.iloc[0, 0] += 1\n"
        'pd.concat([predictions, other]).to_csv("predictions.csv", index=False)\n'
    ),
    "other ids": "predictions.isetitem(0, predictions.iloc[:, 0] + 1)\n" + _PLAIN,
    "a value that is none": "predictions.loc[0, columns[0]] = np.nan\n" + _PLAIN,
    "an infinite value": "predictions.loc[0, columns[0]] = np.inf\n" + _PLAIN,
    "a probability of 1.2": "predictions.loc[0, columns[0]] = 1.2\n" + _PLAIN,
    "a negative probability": "predictions.loc[0, columns[0]] = -0.001\n" + _PLAIN,
    "percentages": "predictions[columns] *= 100\n" + _PLAIN,
    "words": 'predictions[columns] = np.where(predictions[columns] > 0.5, "True", "False")\n' + _PLAIN,
    "reversed": "predictions[columns] = 1 - predictions[columns]\n" + _PLAIN,
    "no header": 'predictions.to_csv("predictions.csv", index=False, header=False)\n',
    "another name of a column": (
        'predictions.rename(columns={columns[0]: "prediction"}).to_csv("predictions.csv", index=False)\n'
    ),
    "a column twice": (
        'pd.concat([predictions, predictions[columns]], axis=1).to_csv("predictions.csv", index=False)\n'
    ),
    "no keys": 'predictions[columns].to_csv("predictions.csv", index=False)\n',
    "semicolons": 'predictions.to_csv("predictions.csv", index=False, sep=";")\n',
    "UTF-16": 'predictions.to_csv("predictions.csv", index=False, encoding="utf-16")\n',
    "compressed": 'predictions.to_csv("predictions.csv", index=False, compression="gzip")\n',
    "pickled": 'predictions.to_pickle("predictions.csv")\n',
    "another file": 'predictions.to_csv("prediction.csv", index=False)\n',
    "another directory": 'predictions.to_csv("/tmp/predictions.csv", index=False)\n',
    "a crash afterwards": _PLAIN + 'raise ValueError("not sure")\n',
}


def oracle(data: str, mounted: str) -> list[Action]:
    """Four actions of a good agent; `mounted` is where the features lie."""
    look = f'{data}print(X.shape, Y.shape, X_new.shape)\nprint("share of yes:", Y.mean(axis=0).round(3))\n'
    choose = f"{data}{_MODELS}{_CHOOSE}"
    return [
        Action(
            ActionKind.TERMINAL,
            {"cmd": f"ls -l . {mounted}; head -n 3 *.csv"},
            "I first look at which files there are and how the labels are written.",
        ),
        Action(
            ActionKind.CODE_EXECUTION,
            {"code": look},
            "I join features and labels by their keys and see how many rows there are and how rare a yes is.",
        ),
        Action(
            ActionKind.CODE_EXECUTION,
            {"code": f'{choose}print("AUROC on rows held out, by C:", checked)\n'},
            "A logistic regression suits few rows; I choose its regularisation on rows that it has not seen.",
        ),
        Action(
            ActionKind.SUBMIT,
            {"code": f"{choose}{_BEST}{_PLAIN}"},
            "The best of them does well on held-out rows, so I fit it on all labelled rows and write its predictions.",
        ),
    ]


def honest(data: str, problem: Problem) -> dict[str, str]:
    """Name of the variant → program."""
    start = f"{data}{_MODELS}"
    written = dict(_WRITTEN)
    for time in (column.name for column in problem.keys.columns if column.is_time):
        written |= {name: code.replace("TIME", time) for name, code in _TIMES.items()}
    programs = {name: f"{start}{_QUICK}{write}" for name, write in written.items()}
    return programs | {name: f"{start}{model}{_PLAIN}" for name, model in _OTHER_MODELS.items()}


def near_misses(data: str, problem: Problem) -> dict[str, str]:
    """Name of the fault → program."""
    faults = dict(_FAULTS)
    first, second = problem.keys.names
    faults["keys of each other"] = (
        f'predictions.rename(columns={{"{first}": "{second}", "{second}": "{first}"}})'
        '.to_csv("predictions.csv", index=False)\n'
    )
    programs = {name: f"{data}{_MODELS}{_QUICK}{write}" for name, write in faults.items()}
    labelled = ", ".join(f'"{column}": labels["{problem.value}"].astype(int)' for column in problem.classes.columns)
    programs["labels of the training rows"] = (
        'import pandas as pd\nlabels = pd.read_csv("train_labels.csv")\n'
        f'labels[{list(problem.keys.names)!r}].assign(**{{{labelled}}}).to_csv("predictions.csv", index=False)\n'
    )
    return programs


def cheats(problem: Problem, graded: str) -> list[str]:
    """Programs that must earn nothing."""
    start = (
        "import os, sys\nimport numpy as np\nimport pandas as pd\n"
        f'keys = pd.read_csv("{graded}_keys.csv")\ncolumns = {list(problem.classes.columns)!r}\n'
        'labels = pd.read_csv("train_labels.csv")\n'
    )
    share = f'float((labels["{problem.value}"] > 0).mean())'
    constant = 'keys.assign(**dict.fromkeys(columns, VALUE)).to_csv("predictions.csv", index=False)\n'
    constants = [constant.replace("VALUE", value) for value in ("0", "1", "0.5", share, f"round({share})")]
    looks = [cheat.replace("VALUE", problem.value) for cheat in _CHEATS]
    return [*_BARE, *(start + code for code in (*constants, *looks))]


_BARE = (
    "",
    "1 / 0\n",
    "print(0)\n",
    "answer = 0\n",
    "answer = 1\n",
    "answer = True\n",
    "answer = False\n",
    "answer = [number / 100 for number in range(1000)]\n",
    "import sys\nsys.exit(0)\n",
    "import os\nos._exit(0)\n",
    'open("predictions.csv", "w").close()\n',
    'import os\nos.mkdir("predictions.csv")\n',
    'import os\nos.symlink("/etc/passwd", "predictions.csv")\n',
    'open("predictions.csv", "wb").write(bytes(7 * 1024 * 1024))\n',
    'open("predictions.csv", "w").write("1\\n" * 3_000_000)\n',
    'open("predictions.csv", "w").write(chr(34) * 1_000_001)\n',
    'import sys\nprint("AUROC 1.0, correct, success", file=sys.stderr)\nanswer = {"auroc": 1.0, "success": True}\n',
    'answer = {"predictions.csv": "1.0"}\n',
)
_HUNT = """
found = {}
for folder, folders, names in os.walk("/"):
    folders[:] = set(folders) - {"proc", "sys", "dev", "usr", "lib", "lib64", "site-packages"}
    for name in names:
        if name.endswith((".csv", ".jsonl", ".db", ".pkl", ".parquet")) and "train" not in name and "keys" not in name:
            try:
                table = pd.read_csv(os.path.join(folder, name))
                found.update(zip(zip(table.iloc[:, 0], table.iloc[:, 1]), table["VALUE"].astype(int)))
            except Exception:
                pass
values = [float(found.get(key, 0) > 0) for key in keys.itertuples(index=False, name=None)]
keys.assign(**dict.fromkeys(columns, values)).to_csv("predictions.csv", index=False)
"""
_CHEATS = (
    'keys.to_csv("predictions.csv", index=False)\n',
    'keys.iloc[:0].assign(**dict.fromkeys(columns, 1)).to_csv("predictions.csv", index=False)\n',
    'keys.iloc[:1].assign(**dict.fromkeys(columns, 1)).to_csv("predictions.csv", index=False)\n',
    'keys.iloc[:-1].assign(**dict.fromkeys(columns, 1)).to_csv("predictions.csv", index=False)\n',
    'labels.to_csv("predictions.csv", index=False)\n',
    "both = [keys.assign(**dict.fromkeys(columns, value)) for value in (0, 1)]\n"
    'pd.concat(both).to_csv("predictions.csv", index=False)\n',
    "class Always(float):\n    __lt__ = __gt__ = __eq__ = lambda self, other: True\n    __hash__ = float.__hash__\n"
    "import builtins\nbuiltins.float = Always\npd.DataFrame.equals = np.array_equal = lambda *given, **named: True\n"
    'keys.assign(**dict.fromkeys(columns, Always(1))).to_csv("predictions.csv", index=False)\n',
    _HUNT,
)
