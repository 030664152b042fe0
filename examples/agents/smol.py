"""smolagents' CodeAgent on our tasks: its loop and its prompts, our policy, sandbox and reward.

pip install 'smolagents[openai]'
python -m medgym_ray.gateway +model=NAME gateway.agent=smolagents gateway.command="python examples/agents/smol.py"
"""

import json
import os
from typing import Any

import requests
from smolagents import CodeAgent, OpenAIModel
from smolagents.local_python_executor import CodeOutput, PythonExecutor

_SESSION = os.environ["MEDGYM_SESSION"]
_INSTRUCTIONS = "Each program runs in a fresh process: import and compute again what it needs. Call final_answer once."
_FINAL_ANSWER = """\
def final_answer(value):
    global answer
    answer = value
"""


class SessionExecutor(PythonExecutor):
    """Where the agent's programs run: the session's sandbox instead of this process."""

    def send_tools(self, tools: dict[str, Any]) -> None:
        """Its only tool is final_answer, which goes along with the program that calls it."""

    def send_variables(self, variables: dict[str, Any]) -> None:
        """Programs share files and no variables."""

    def __call__(self, code_action: str) -> CodeOutput:
        """Runs a program; one that calls final_answer is handed in."""
        last = "final_answer(" in code_action
        code = _FINAL_ANSWER + code_action if last else code_action
        request = {"action": "submit" if last else "code_execution", "params": {"code": code}}
        response = requests.post(f"{_SESSION}/actions", json=request, timeout=600)
        response.raise_for_status()
        seen = response.json()
        return CodeOutput(output=None, logs=seen["observation"] or "", is_final_answer=last)


def main() -> None:
    """One rollout."""
    model = OpenAIModel("policy", api_base=os.environ["OPENAI_BASE_URL"], api_key=os.environ["OPENAI_API_KEY"])
    agent = CodeAgent([], model, executor=SessionExecutor(), instructions=_INSTRUCTIONS)
    agent.run(json.loads(os.environ["MEDGYM_TASK"])["prompt"])


if __name__ == "__main__":
    main()
