"""mini-swe-agent on our tasks: its loop and its prompts, our policy, sandbox and reward.

    pip install mini-swe-agent
    python -m medgym_ray.gateway +model=NAME gateway.agent=mini-swe-agent \
        gateway.command="python examples/agents/mini_swe.py"
"""

import json
import os
from typing import Any

import requests
from minisweagent.agents.default import DefaultAgent
from minisweagent.exceptions import Submitted
from minisweagent.models.litellm_textbased_model import LitellmTextbasedModel

_SESSION = os.environ["MEDGYM_SESSION"]
_SYSTEM = """You solve biomedical tasks with bash commands. Think briefly, then give exactly one command:

```mswea_bash_command
python3 - <<'EOF'
print(6 * 7)
EOF
```"""
_INSTANCE = """{{task}}

When you know the answer, write it as JSON into answer.json and finish with:
echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"""
_HAND_IN = "import json\nanswer = json.load(open('answer.json'))"


class SessionEnvironment:
    """Where mini-swe-agent's commands run: the session's sandbox instead of this machine."""

    config = None

    def execute(self, action: dict[str, Any], cwd: str = "") -> dict[str, Any]:
        """One command. Raises Submitted once the agent has handed in."""
        command = action["command"]
        if "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT" in command:
            _act("submit", code=_HAND_IN)
            end = {"role": "exit", "content": "", "extra": {"exit_status": "Submitted", "submission": ""}}
            raise Submitted(end)
        seen = _act("terminal", cmd=command)
        failed = int(seen["status"] != "ok")
        return {"output": seen["observation"], "returncode": failed, "exception_info": ""}

    def get_template_vars(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing beside what the agent knows."""
        return kwargs

    def serialize(self) -> dict[str, Any]:
        """For mini-swe-agent's own trajectory file."""
        return {}


def _act(name: str, **params: str) -> dict[str, Any]:
    response = requests.post(f"{_SESSION}/actions", json={"action": name, "params": params}, timeout=600)
    response.raise_for_status()
    seen: dict[str, Any] = response.json()
    return seen


def main() -> None:
    """One rollout."""
    model = LitellmTextbasedModel(
        model_name="openai/policy",
        model_kwargs={"api_base": os.environ["OPENAI_BASE_URL"], "api_key": os.environ["OPENAI_API_KEY"]},
        cost_tracking="ignore_errors",
    )
    agent = DefaultAgent(model, SessionEnvironment(), system_template=_SYSTEM, instance_template=_INSTANCE)
    agent.run(json.loads(os.environ["MEDGYM_TASK"])["prompt"])


if __name__ == "__main__":
    main()
