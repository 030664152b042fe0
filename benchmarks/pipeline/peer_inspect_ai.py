"""The same episodes on inspect_ai: its mock model, its `python` tool, its local sandbox.

To be run by an interpreter that has it:

`PYTHON peer_inspect_ai.py COUNT AT_ONCE CODE CODE …` prints one JSON object: samples, and the seconds they took.
"""

import json
import sys
import tempfile
import time

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import python

MODEL = "mockllm/model"
ANSWER = "140"


def main() -> None:
    """Plays COUNT samples, AT_ONCE at a time."""
    count, at_once, programs = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]

    def reply(messages, *_):  # type: ignore[no-untyped-def]
        said = sum(message.role == "assistant" for message in messages)
        if said < len(programs):
            output = ModelOutput.for_tool_call(MODEL, "python", {"code": programs[said]})
        else:
            output = ModelOutput.from_content(MODEL, ANSWER)
        # Else it counts tokens by an encoding that it downloads.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    task = Task(
        dataset=MemoryDataset([Sample(input=f"question {n}", target=ANSWER) for n in range(count)]),
        solver=[use_tools(python(timeout=60)), generate()],
        scorer=match(),
        sandbox="local",
    )
    model = get_model(MODEL, custom_outputs=reply)
    with tempfile.TemporaryDirectory() as logs:
        began = time.perf_counter()
        options = {
            "max_samples": at_once,
            "max_connections": at_once,
            "max_sandboxes": at_once,
            "max_subprocesses": at_once,
        }
        log = evaluate(task, model=model, display="none", log_dir=logs, log_realtime=False, **options)[0]
        seconds = time.perf_counter() - began
        samples = len(log.samples or [])  # read from the log's file
        said = [[message.text for message in s.messages if message.role == "tool"] for s in log.samples or []]
    if log.status != "success" or samples != count:
        raise SystemExit(f"inspect_ai: {log.status}, {samples} samples: {str(log.error)[:500]}")
    for wrong, right in said:
        if "Error" not in wrong or "Error" in right or "ModuleNotFoundError" in wrong:
            raise SystemExit(
                f"inspect_ai: the programs did not do what they do elsewhere: {wrong[-300:]} … {right[-300:]}"
            )
    sys.stdout.write(json.dumps({"samples": samples, "seconds": seconds}) + "\n")


if __name__ == "__main__":
    main()
