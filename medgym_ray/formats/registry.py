"""The agent formats by name."""

from medgym_ray.formats.base import AgentFormat
from medgym_ray.formats.code_block import CodeBlock
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.formats.tool_calls import ToolCalls

FORMATS: dict[str, AgentFormat] = {each.name: each for each in (JsonObject(), ToolCalls(), CodeBlock())}
