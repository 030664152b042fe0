"""Token in, token out: over the structures of several chat templates the segments decode to the rendered conversation,
and each prompt starts with every token before it."""

import os
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from medgym_ray.actions import ActionKind
from medgym_ray.errors import PolicyError
from medgym_ray.formats.tool_calls import ToolCalls
from medgym_ray.policies.base import Generation
from medgym_ray.policies.tokens import ChatTemplate, TokenTranscript
from medgym_ray.tasks.base import Message, Role
from tests.policies.chat_templates import CHATML, GEMMA, LLAMA31, MISTRAL, MISTRAL_MOVING, QWEN3, QWEN25

# Thoughts are cut from what was said before; a new reply starts inside of one.
THINKING = CHATML.replace("m.content", "m.content.split('</think>')[-1]").replace(
    "assistant\\n'", "assistant\\n<think>\\n'"
)

SPECIALS = [
    *("<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    *("<bos>", "<start_of_turn>", "<end_of_turn>", "<s>", "</s>", "[INST]", "[/INST]"),
    *("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
]
TEMPLATES = {
    "qwen2.5": (QWEN25, "<|im_end|>"),
    "qwen3": (QWEN3, "<|im_end|>"),
    "llama3.1": (LLAMA31, "<|eot_id|>"),
    "gemma": (GEMMA, "<end_of_turn>"),
    "mistral": (MISTRAL, "</s>"),
    "smollm2": (CHATML, "<|im_end|>"),
}
_CASES = int(os.environ.get("MEDGYM_CASES", "60"))
TOOLS = ToolCalls().tools(frozenset(ActionKind))
_SPLIT = re.compile("|".join(map(re.escape, SPECIALS)) + "|.", re.DOTALL)


class CharTokenizer:
    """One token a character, and one for each special string."""

    all_special_ids: ClassVar[list[int]] = list(range(len(SPECIALS)))

    def __init__(self, template: str) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = self._refuse
        self._template = environment.from_string(template)

    @staticmethod
    def _refuse(message: str) -> None:
        raise ValueError(message)

    def apply_chat_template(self, conversation: list[dict[str, str]], **kwargs: Any) -> str:
        assert kwargs.pop("tokenize") is False
        return self._template.render(messages=conversation, **kwargs)

    def encode(self, text: str, **kwargs: Any) -> list[int]:
        assert kwargs == {"add_special_tokens": False}, "the template writes its own special tokens"
        return [SPECIALS.index(t) if t in SPECIALS else 1000 + ord(t) for t in _SPLIT.findall(text)]

    @staticmethod
    def decode(ids: Sequence[int]) -> str:
        return "".join(SPECIALS[i] if i < 1000 else chr(i - 1000) for i in ids)


def _generation(tokenizer: CharTokenizer, text: str, end: str = "", lead: str = "") -> Generation:
    ids = tokenizer.encode(lead + text + end, add_special_tokens=False)
    return Generation(text, "stop" if end else "length", ids, [-0.5 - n for n in range(len(ids))])


# What the models of some templates write is trimmed when it is rendered again: see the test of that.
_said = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Z"]), min_size=1, max_size=8).filter(
    lambda t: t == t.strip() and not any(s in t for s in SPECIALS)
)
_turns = st.lists(st.tuples(_said, st.booleans(), _said), max_size=4)


def _rendered(tokenizer: CharTokenizer, messages: Sequence[Message], *, reply: bool, tools: bool) -> str:
    plain = [{"role": m.role, "content": m.content} for m in messages]
    for message in plain:
        if message["role"] == "tool":
            message |= {"name": "sandbox", "tool_call_id": "000000000"}
    given = {"tools": TOOLS} if tools else {}
    return tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=reply, **given)


@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize("name", TEMPLATES)
@settings(max_examples=_CASES)
@given(system=st.none() | _said, question=_said, turns=_turns, last=st.none() | _said)
def test_the_segments_are_the_rendered_conversation(
    name: str, role: Role, system: str | None, question: str, turns: list[tuple[str, bool, str]], last: str | None
) -> None:
    source, end = TEMPLATES[name]
    tokenizer = CharTokenizer(source)
    template = ChatTemplate(tokenizer)
    observer: Role = role if template.has_role(role) else "user"
    tools = role == "tool" and template.lists(TOOLS)
    messages = [Message("system", system)] if system is not None else []
    messages.append(Message("user", question))
    transcript = TokenTranscript(template, messages, TOOLS if tools else ())
    sampled: list[tuple[int, int, Generation]] = []

    def answer(text: str, ending: str) -> list[int]:
        before = transcript.next_prompt()
        assert tokenizer.decode(before) == _rendered(tokenizer, messages, reply=True, tools=tools)
        # Mistral's models say the space that the template renders before a reply.
        lead = " " if name == "mistral" else ""
        generation = _generation(tokenizer, text, ending, lead)
        transcript.add_reply(generation)
        messages.append(Message("assistant", text))
        so_far = transcript.next_prompt()
        assert so_far == before + (generation.token_ids or []), "what was sampled is kept as it was"
        sampled.append((len(before), len(so_far), generation))
        return so_far

    for text, ended, observation in turns:
        so_far = answer(text, end if ended else "")
        transcript.add_observation(Message(observer, observation))
        messages.append(Message(observer, observation))
        assert transcript.next_prompt()[: len(so_far)] == so_far
    assert transcript.retokenize_match(), "ends where a reply was asked for and none came"
    if last is not None:
        answer(last, end)
        whole = transcript.next_prompt()
        assert _rendered(tokenizer, messages, reply=False, tools=tools).startswith(tokenizer.decode(whole))
    assert transcript.append_only
    assert transcript.retokenize_match()
    _assert_aligned(transcript, sampled)


@settings(max_examples=_CASES)
@given(question=_said, turns=st.lists(st.tuples(_said, _said, st.booleans(), _said), max_size=4))
def test_stripped_thoughts_make_each_prompt_what_the_template_shows(
    question: str, turns: list[tuple[str, str, bool, str]]
) -> None:
    tokenizer = CharTokenizer(QWEN3)
    messages = [Message("user", question)]
    transcript = TokenTranscript(ChatTemplate(tokenizer), messages, strip_thoughts=True)
    thought_once = False
    for thought, text, thinks, observation in turns:
        assert tokenizer.decode(transcript.next_prompt()) == _rendered(tokenizer, messages, reply=True, tools=False)
        reply = f"<think>\n{thought}\n</think>\n\n{text}" if thinks else text
        transcript.add_reply(_generation(tokenizer, reply, "<|im_end|>"))
        transcript.add_observation(Message("user", observation))
        messages += [Message("assistant", reply), Message("user", observation)]
        thought_once = thought_once or thinks
    assert transcript.append_only is not thought_once
    assert len(transcript.next_prompt()) == len(transcript.loss_mask()) == len(transcript.logprobs())


def test_which_templates_list_tools_and_hear_them() -> None:
    templates = {name: ChatTemplate(CharTokenizer(source)) for name, (source, _) in TEMPLATES.items()}
    assert {name for name, t in templates.items() if t.lists(TOOLS)} == {"qwen2.5", "qwen3", "llama3.1", "mistral"}
    assert {name for name, t in templates.items() if not t.has_role("tool")} == {"gemma"}
    assert not any(t.lists([]) for t in templates.values())


def _assert_aligned(transcript: TokenTranscript, sampled: list[tuple[int, int, Generation]]) -> None:
    ids, mask, logprobs = transcript.next_prompt(), transcript.loss_mask(), transcript.logprobs()
    assert len(ids) == len(mask) == len(logprobs)
    expected_mask, expected_logprobs = [0] * len(ids), [0.0] * len(ids)
    for start, end, generation in sampled:
        expected_mask[start:end] = [1] * (end - start)
        expected_logprobs[start:end] = generation.logprobs or []
    assert mask == expected_mask
    assert logprobs == expected_logprobs


def _one_turn(source: str, text: str, end: str, *, system: str | None = None) -> tuple[CharTokenizer, TokenTranscript]:
    tokenizer = CharTokenizer(source)
    messages = [Message("system", system)] if system else []
    transcript = TokenTranscript(ChatTemplate(tokenizer), [*messages, Message("user", "q")])
    transcript.add_reply(_generation(tokenizer, text, end))
    transcript.add_observation(Message("user", "o"))
    return tokenizer, transcript


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("ended", [True, False])
def test_the_end_of_a_turn_stands_there_once_sampled_or_not(name: str, ended: bool) -> None:
    source, end = TEMPLATES[name]
    tokenizer, transcript = _one_turn(source, "r", end if ended else "")
    first = len(transcript.first_prompt)
    tail = transcript.next_prompt()[first:]
    assert tokenizer.decode(tail).startswith(f"r{end}")
    assert not tokenizer.decode(tail).startswith(f"r{end}{end}")
    assert transcript.loss_mask()[first : first + 3] == [1, int(ended), 0]


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_empty_reply_and_one_that_is_only_the_end_of_turn_keep_the_shape(name: str) -> None:
    source, end = TEMPLATES[name]
    _, empty = _one_turn(source, "", "")
    _, ended = _one_turn(source, "", end)
    assert empty.next_prompt() == ended.next_prompt()
    assert sum(empty.loss_mask()) == 0
    assert sum(ended.loss_mask()) == 1


@pytest.mark.parametrize("change", ["upper", "replace('y', 'i')", "reverse"])
def test_a_template_that_alters_replies_is_refused(change: str) -> None:
    altered = f"(m.content | {change} if m.role == 'assistant' else m.content)"
    if change.startswith("replace"):
        altered = f"(m.content.{change} if m.role == 'assistant' else m.content)"
    with pytest.raises(PolicyError, match="changes the text of replies"):
        _one_turn(CHATML.replace("m.content", altered), "r", "<|im_end|>")


def test_what_was_sampled_is_kept_where_the_template_would_trim_it() -> None:
    tokenizer, transcript = _one_turn(GEMMA, " r\n", "<end_of_turn>")
    assert " r\n<end_of_turn>\n<start_of_turn>user" in tokenizer.decode(transcript.next_prompt())
    assert transcript.append_only
    assert not transcript.retokenize_match(), "text alone no longer tells what was sampled"


def test_thoughts_stay_in_the_sequence_where_the_template_would_cut_them() -> None:
    tokenizer, transcript = _one_turn(THINKING, "hm\n</think>r", "<|im_end|>")
    assert tokenizer.decode(transcript.next_prompt()).endswith(
        "assistant\n<think>\nhm\n</think>r<|im_end|>\n<|im_start|>user\no<|im_end|>\n<|im_start|>assistant\n<think>\n"
    )
    assert transcript.append_only
    assert not transcript.retokenize_match()


def test_a_template_that_moves_its_system_text_only_shows_as_drift() -> None:
    tokenizer, transcript = _one_turn(MISTRAL_MOVING, "r", "</s>", system="S")
    assert tokenizer.decode(transcript.next_prompt()) == "<s>[INST]S\n\nq[/INST]r</s>[INST]o[/INST]"
    assert transcript.append_only
    assert not transcript.retokenize_match()


@pytest.mark.parametrize(
    ("ids", "logprobs"), [(None, None), ([1, 2], None), (None, [0.0]), ([1, 2], [0.0]), ([], [0.0])]
)
def test_a_reply_without_aligned_logprobs_is_the_engines_fault(
    ids: list[int] | None, logprobs: list[float] | None
) -> None:
    transcript = TokenTranscript(ChatTemplate(CharTokenizer(CHATML)), [Message("user", "q")])
    with pytest.raises(PolicyError, match="aligned"):
        transcript.add_reply(Generation("r", "stop", ids, logprobs))


PLAIN = (
    "{%- for m in messages %}{{- '\\n### ' + m.role + ':\\n' + m.content }}{% endfor %}"
    "{%- if add_generation_prompt %}{{- '\\n### assistant:\\n' }}{% endif %}"
)


def test_without_an_end_of_turn_token_a_cut_reply_keeps_its_end_and_the_template_its_start() -> None:
    tokenizer, transcript = _one_turn(PLAIN, "r\n", "")
    assert tokenizer.decode(transcript.next_prompt()).endswith(":\nr\n\n### user:\no\n### assistant:\n")
