"""Actions of every kind, for hypothesis."""

from hypothesis import strategies as st

from medgym_ray.actions import Action, ActionKind

text = st.text(st.characters(exclude_categories=["Cs"]))
said = text.filter(str.strip)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
actions = st.one_of(
    st.builds(
        lambda path, info, term: Action(
            ActionKind.REQUEST_INFO, {"data_path": path, "info_type": info, "keyterm": term}
        ),
        said,
        st.sampled_from(["column_names", "column_values", "term"]),
        text,
    ),
    st.builds(lambda cmd: Action(ActionKind.TERMINAL, {"cmd": cmd}), said),
    st.builds(lambda code: Action(ActionKind.CODE_EXECUTION, {"code": code}), said),
    st.builds(lambda code, e: Action(ActionKind.DEBUGGING, {"code": code, "error_msg": e}), said, text),
    st.builds(lambda code: Action(ActionKind.SUBMIT, {"code": code}), text),
    st.builds(lambda answer: Action(ActionKind.SUBMIT, {"answer": answer}), json_values),
)
