"""The structure of the chat templates of six families of models, in words of ours: roles, special tokens, where tools
are listed, how a tool answers, what becomes of thoughts."""

CHATML = """\
{%- if messages[0].role != 'system' %}{{- '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}{% endif %}
{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""

# Tools after the system text; a tool answers in the user's name.
QWEN25 = """\
{%- set first = messages[0].content if messages[0].role == 'system' else 'You are helpful.' %}
{%- set rest = messages[1:] if messages[0].role == 'system' else messages %}
{{- '<|im_start|>system\\n' + first }}
{%- if tools %}{{- '\\n\\n# Tools' }}{% for t in tools %}{{- '\\n' + (t | tojson) }}{% endfor %}{% endif %}
{{- '<|im_end|>\\n' }}
{%- for m in rest %}
{%- if m.role == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + m.content + '\\n</tool_response><|im_end|>\\n' }}
{%- else %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""

# As before, but what was thought before the last question is cut.
QWEN3 = QWEN25.replace(
    "{%- for m in rest %}",
    """{%- set last = namespace(question=0) %}
{%- for m in rest %}{% if m.role == 'user' %}{% set last.question = loop.index0 %}{% endif %}{% endfor %}
{%- for m in rest %}""",
).replace(
    "m.role + '\\n' + m.content",
    "m.role + '\\n' + (m.content.split('</think>')[-1].lstrip('\\n') "
    "if m.role == 'assistant' and loop.index0 < last.question else m.content)",
)

# Tools before the first question; a tool is called ipython, and its word is written as JSON.
LLAMA31 = """\
{{- '<|begin_of_text|>' }}
{%- set told = namespace(tools=not tools) %}
{%- for m in messages %}
{%- set role = 'ipython' if m.role == 'tool' else m.role %}
{{- '<|start_header_id|>' + role + '<|end_header_id|>\\n\\n' }}
{%- if m.role == 'user' and not told.tools %}{% set told.tools = true %}
{%- for t in tools %}{{- (t | tojson) + '\\n' }}{% endfor %}{% endif %}
{{- (m.content | tojson if m.role == 'tool' else m.content | trim) + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"""

# No system role: its text stands before that of the first user message. No tools.
GEMMA = """\
{{- '<bos>' }}
{%- set first = '' %}{%- set rest = messages %}
{%- if rest[0].role == 'system' %}{%- set first = rest[0].content + '\\n\\n' %}{%- set rest = rest[1:] %}{% endif %}
{%- for m in rest %}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
{{- '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' }}
{{- (first if loop.first else '') + m.content | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{% endif %}"""

# Tools before the last question; a tool's answer says to which call.
MISTRAL = """\
{{- '<s>' }}
{%- set first = '' %}{%- set rest = messages %}
{%- if rest[0].role == 'system' %}{%- set first = rest[0].content + '\\n\\n' %}{%- set rest = rest[1:] %}{% endif %}
{%- set last = namespace(question=0) %}
{%- for m in rest %}{% if m.role == 'user' %}{% set last.question = loop.index0 %}{% endif %}{% endfor %}
{%- for m in rest %}
{%- if m.role == 'user' %}
{%- if tools and loop.index0 == last.question %}
{{- '[AVAILABLE_TOOLS]' + (tools | tojson) + '[/AVAILABLE_TOOLS]' }}{% endif %}
{{- '[INST] ' + (first if loop.first else '') + m.content + ' [/INST]' }}
{%- elif m.role == 'tool' %}
{%- if m.tool_call_id | length != 9 %}{{ raise_exception('nine characters') }}{% endif %}
{{- '[TOOL_RESULTS]' + m.content + '|' + m.tool_call_id + '[/TOOL_RESULTS]' }}
{%- else %}{{- ' ' + m.content + '</s>' }}{% endif %}
{%- endfor %}"""

# Its system text moves on to the last user message.
MISTRAL_MOVING = """\
{{- '<s>' }}
{%- set system = '' %}{%- set rest = messages %}
{%- if rest[0].role == 'system' %}{%- set system = rest[0].content + '\\n\\n' %}{%- set rest = rest[1:] %}{% endif %}
{%- for m in rest %}
{%- if m.role == 'user' %}{{- '[INST]' + (system if loop.last else '') + m.content + '[/INST]' }}
{%- else %}{{- m.content + '</s>' }}{% endif %}
{%- endfor %}"""
