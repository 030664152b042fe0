"""A stored conversation as tokens: what is trained is what an episode would have sampled, over many chat templates."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgym_ray.actions import ActionKind
from medgym_ray.errors import ConfigError
from medgym_ray.formats.tool_calls import ToolCalls
from medgym_ray.policies.base import Generation
from medgym_ray.policies.tokens import ChatTemplate, TokenTranscript
from medgym_ray.tasks.base import Message
from medgym_ray.train.conversations import IGNORED, continuation, conversation, tools_of
from tests.policies.chat_templates import CHATML
from tests.policies.test_tokens import TEMPLATES, CharTokenizer
from tests.train.exports import messages

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).map(str.strip)
_SAID = _TEXT.filter(bool)
_CONTENTS = st.lists(_SAID, min_size=2, max_size=8).filter(lambda contents: len(contents) % 2 == 0)


def _template(name: str) -> ChatTemplate:
    return ChatTemplate(CharTokenizer(TEMPLATES[name][0]))


@pytest.mark.parametrize("name", TEMPLATES)
@given(contents=_CONTENTS)
@settings(max_examples=40)
def test_it_is_what_an_episode_of_the_same_words_would_have_kept(name: str, contents: list[str]) -> None:
    template = _template(name)
    played = TokenTranscript(template, [Message("system", "rules"), Message("user", contents[0])])
    for place in range(1, len(contents), 2):
        ids = template.reply(contents[place])
        played.add_reply(Generation(contents[place], "stop", ids, [-1.0] * len(ids)))
        if place + 1 < len(contents):
            played.add_observation(Message("user", contents[place + 1]))
    tokens = conversation(template, messages(*contents))
    assert (tokens.ids, tokens.mask) == (played.next_prompt(), played.loss_mask())


@pytest.mark.parametrize("name", TEMPLATES)
@given(contents=_CONTENTS)
@settings(max_examples=40)
def test_loss_is_on_replies_and_the_tokens_that_end_them_and_nowhere_else(name: str, contents: list[str]) -> None:
    template, (source, end) = _template(name), TEMPLATES[name]
    tokens = conversation(template, messages(*contents))
    trained = [token for token, said in zip(tokens.ids, tokens.mask, strict=True) if said]
    assert CharTokenizer(source).decode(trained) == "".join(reply + end for reply in contents[1::2])
    assert [label for label in tokens.labels() if label != IGNORED] == trained


@pytest.mark.parametrize("name", TEMPLATES)
@given(contents=_CONTENTS, data=st.data())
@settings(max_examples=40)
def test_of_a_continuation_only_what_follows_the_prompt_is_said(
    name: str, contents: list[str], data: st.DataObject
) -> None:
    template, (source, end) = _template(name), TEMPLATES[name]
    begun = data.draw(st.sampled_from(range(1, len(contents), 2)))
    whole = messages(*contents)
    tokens = continuation(template, whole[: begun + 1], whole[begun + 1 :])
    trained = [token for token, said in zip(tokens.ids, tokens.mask, strict=True) if said]
    assert tokens.ids == conversation(template, whole).ids
    assert CharTokenizer(source).decode(trained) == "".join(reply + end for reply in contents[begun::2])


def test_tools_that_the_template_listed_are_listed_again() -> None:
    template, tools = _template("qwen2.5"), ToolCalls().tools(frozenset(ActionKind))
    row = {"messages": messages("q", "r"), "tools": json.dumps(tools)}
    listed = conversation(template, row["messages"], tools_of(row))
    opening = [Message("system", "rules"), Message("user", "q")]
    assert listed.ids[: -sum(listed.mask)] == template.prompt(opening, tools)
    assert tools_of({"tools": None}) == tools_of({}) == ()


def test_what_nobody_answered_is_left_out() -> None:
    template = _template("smollm2")
    assert conversation(template, messages("q", "r", "o")) == conversation(template, messages("q", "r"))


def test_an_observation_of_a_tool_comes_from_the_user_where_the_model_knows_no_tools() -> None:
    heard = [*messages("q", "r"), {"role": "tool", "content": "o"}, {"role": "assistant", "content": "s"}]
    assert conversation(_template("gemma"), heard) == conversation(_template("gemma"), messages("q", "r", "o", "s"))
    assert conversation(_template("qwen2.5"), heard) != conversation(_template("qwen2.5"), messages("q", "r", "o", "s"))


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (messages("q"), "a conversation without a reply"),
        ([{"role": "assistant", "content": "r"}], "a conversation without a question"),
        ([{"role": "robot", "content": "r"}], "a message of the role 'robot'"),
    ],
)
def test_what_is_no_conversation_is_said(stored: list[dict[str, str]], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        conversation(_template("smollm2"), stored)


def test_a_template_that_changes_replies_is_refused() -> None:
    with pytest.raises(ConfigError, match="changes the text of replies"):
        conversation(ChatTemplate(CharTokenizer(CHATML.replace("m.content", "m.content | upper"))), messages("q", "r"))
