"""A server that speaks the OpenAI chat API as a policy: messages in, text out, and what else it tells.

Token ids and log-probabilities are asked for and taken where they are offered (`vllm serve` offers both). A refusal for
too many requests is passed on as congestion: executors then send fewer, as they do for an engine of our own.
"""

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio

from medgym_ray import privacy
from medgym_ray.config import EndpointConfig, PricesConfig
from medgym_ray.errors import ConfigError, PolicyError
from medgym_ray.policies.base import ContextFull, Engine, EngineLoad, Generation, GenerationRequest, Sampling
from medgym_ray.tasks.base import Message

if TYPE_CHECKING:
    import openai
    from tenacity import RetryCallState

INSTALL = "pip install 'medgym-ray[openai]'"
OPENAI = "https://api.openai.com/v1"
POLICY = "model.endpoint"
_ATTEMPTS = 10
_LONGEST_PAUSE_S = 60.0
_LAST_S = 2.0
"""Before the request's deadline: a server that is out of reach is a fault, and no slow reply."""
_LISTED = 5
_NO_KEY = "none"
"""What servers of one's own are shown."""


def address(endpoint: EndpointConfig) -> str:
    """Where it is."""
    return endpoint.base_url or OPENAI


def read_key(endpoint: EndpointConfig) -> str:
    """The key, from the environment. Raises ConfigError where the server is elsewhere and there is none."""
    key = os.environ.get(endpoint.key_env, "").strip()
    if key:
        return key
    if endpoint.base_url is not None and privacy.is_loopback(endpoint.base_url):
        return _NO_KEY
    raise ConfigError(
        f"no key for {address(endpoint)}: set {endpoint.key_env} in the environment (never in the configuration)"
    )


async def connect(endpoints: Mapping[str, EndpointConfig], keys: Mapping[str, str]) -> dict[str, "EndpointPolicy"]:
    """Those beside the policy whose keys are given, by their settings. Raises ConfigError where one can't be asked."""
    asked = {
        setting: EndpointPolicy(endpoints[setting], setting, key, setting, spare={"response_format"})
        for setting, key in keys.items()
    }
    for policy in asked.values():
        await policy.warm_up()
    return asked


class EndpointPolicy(Engine):
    """One client. To be used within one event loop."""

    def __init__(
        self, endpoint: EndpointConfig, replica: str, key: str, setting: str = POLICY, spare: Collection[str] = ()
    ) -> None:
        """Connects to nothing yet. Raises ConfigError without the client's package.

        `setting`: where the configuration has it, for messages. `spare`: fields of a request's body that it can do
        without, where the server does not take them, beside those that every request can.
        """
        self._endpoint, self._replica, self._key, self._setting = endpoint, replica, key, setting
        self._spare = frozenset(spare)
        self._client = _client(endpoint, key)
        self._refused_fields: set[str] = set()
        """Of the optional ones: what this server does not take."""
        self._running = self._waiting = self._refusals = self._generated = 0
        self._resume_at = 0.0

    async def warm_up(self) -> None:
        """Looks whether the server is there, takes the key and has the model. Raises ConfigError."""
        import openai

        where = address(self._endpoint)
        try:
            names = [model.id async for model in self._client.models.list()]
        except (openai.NotFoundError, openai.APIResponseValidationError):
            return  # not every server lists its models
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise ConfigError(f"{where} refuses the key of {self._endpoint.key_env} ({error.status_code})") from None
        except openai.APIConnectionError as error:
            raise ConfigError(f"{self._setting}: no server answers at {where} ({error.__cause__ or error})") from None
        except openai.APIError as error:
            raise ConfigError(f"{self._setting}: {where}: {self._told(error)}") from None
        if names and self._endpoint.model not in names and self._endpoint.azure_api_version is None:
            shown = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
            raise ConfigError(f"{self._setting}.model={self._endpoint.model}: {where} has {shown}")

    async def generate(self, request: GenerationRequest) -> Generation:
        """One reply. What passes is tried again until the deadline is near.

        Raises ContextFull, PolicyError for everything that does not pass.
        """
        import openai
        from tenacity import (
            AsyncRetrying,
            retry_if_exception,
            stop_after_attempt,
            stop_after_delay,
            wait_random_exponential,
        )

        began = time.monotonic()
        retrying = AsyncRetrying(
            retry=retry_if_exception(_passes),
            wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE_S),
            stop=stop_after_attempt(_ATTEMPTS) | stop_after_delay(max(0.0, request.deadline_s - _LAST_S)),
            before_sleep=self._refused,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, request, began)
        except openai.APIError as error:
            raise PolicyError(f"{address(self._endpoint)}: {self._told(error)}") from None
        except (AttributeError, TypeError, ValueError) as error:  # the client checks little of what it is sent
            raise PolicyError(f"{address(self._endpoint)}: no reply of the chat API's ({error})") from error

    async def _attempt(self, request: GenerationRequest, began: float) -> Generation:
        self._waiting += 1
        try:
            await anyio.sleep(max(0.0, self._resume_at - time.monotonic()))
        finally:
            self._waiting -= 1
        sent = time.monotonic()
        self._running += 1
        try:
            completion = await self._ask(request)
        finally:
            self._running -= 1
        return self._generation(
            completion, queue_ms=(sent - began) * 1000, generate_ms=(time.monotonic() - sent) * 1000
        )

    async def _ask(self, request: GenerationRequest) -> Any:
        """Leaves out what the server does not take. Raises ContextFull, openai.APIError."""
        import openai

        body = self._body(request)
        while True:
            try:
                return await self._client.post("/chat/completions", cast_to=_completion(), body=body)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                unwanted = next(
                    (name for name in self._optional(request.sampling) & body.keys() if _names(error, name)), None
                )
                if unwanted is not None:
                    self._refused_fields.add(unwanted)
                    del body[unwanted]
                elif not _is_about_context(error):
                    raise
                elif self._bound not in body:
                    raise ContextFull(" ".join(error.message.split())[:200]) from None
                else:
                    del body[self._bound]  # what is left of the context is less than that; the server knows how much

    @property
    def _bound(self) -> str:
        """The newer name, which OpenAI's newer models insist on and which other servers do not all know."""
        theirs = self._endpoint.base_url is None or self._endpoint.azure_api_version is not None
        return "max_completion_tokens" if theirs else "max_tokens"

    def _optional(self, sampling: Sampling) -> frozenset[str]:
        """Fields that a server may refuse, and a request can do without: there it samples as it was to, or tells
        less."""
        usual = {"temperature": sampling.temperature, "top_p": sampling.top_p}
        same = {name for name, value in usual.items() if value == 1.0}
        return self._spare | {"logprobs", "return_token_ids", "seed"} | same

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": [_plain(message) for message in request.messages],
            self._bound: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": request.seed % 2**31,
            "logprobs": True,
            "return_token_ids": True,
        }
        if request.schema is not None:
            schema = {"name": "reply", "schema": dict(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        refused = self._refused_fields & self._optional(sampling)
        body = {name: value for name, value in body.items() if name not in refused} | self._endpoint.extra
        return {name: value for name, value in body.items() if value is not None}

    def _generation(self, completion: Any, queue_ms: float, generate_ms: float) -> Generation:
        if not completion.choices:
            raise PolicyError(f"{address(self._endpoint)}: a reply without a choice")
        choice, usage = completion.choices[0], completion.usage
        told = choice.logprobs.content if choice.logprobs is not None else None
        ids = getattr(choice, "token_ids", None)
        logprobs = [token.logprob for token in told] if told else None
        details = usage.prompt_tokens_details if usage is not None else None
        generation = Generation(
            text=choice.message.content or "",
            finish_reason=choice.finish_reason or "stop",
            token_ids=ids,
            logprobs=logprobs if ids is None or logprobs is None or len(logprobs) == len(ids) else None,
            prompt_token_ids=getattr(completion, "prompt_token_ids", None) or getattr(choice, "prompt_token_ids", None),
            prompt_tokens=usage.prompt_tokens if usage is not None else None,
            cached_tokens=(details.cached_tokens or 0) if details is not None else None,
            completion_tokens=usage.completion_tokens if usage is not None else None,
            policy_version=completion.model or "0",
            replica=self._replica,
            generate_ms=generate_ms,
            queue_ms=queue_ms,
        )
        self._generated += generation.completion_tokens or 0
        load = EngineLoad(self._running, self._waiting, 0.0, self._refusals, self._generated)
        return replace(generation, load=load, cost_usd=cost_usd(generation, self._endpoint.usd_per_million))

    def _refused(self, state: "RetryCallState") -> None:
        """Before another attempt: a server that says how long to wait is not asked before, by nobody."""
        import openai

        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, openai.RateLimitError):
            self._refusals += 1
            self._resume_at = max(self._resume_at, time.monotonic() + _pause_s(error.response.headers))

    def _told(self, error: "openai.APIError") -> str:
        """One line; some servers quote the key that they refuse."""
        return " ".join(error.message.split())[:300].replace(self._key, "…")


def _plain(message: Message) -> dict[str, str]:
    # A tool's message answers a call of the API's own kind; ours are part of the text.
    return {"role": "user" if message.role == "tool" else message.role, "content": message.content}


def cost_usd(generation: Generation, prices: PricesConfig) -> float | None:
    """What a reply costs, by what the server counted; None where it did not count."""
    if generation.prompt_tokens is None or generation.completion_tokens is None:
        return None
    cached = generation.cached_tokens or 0
    of_cached = prices.prompt if prices.cached is None else prices.cached
    sums = (generation.prompt_tokens - cached) * prices.prompt + cached * of_cached
    return (sums + generation.completion_tokens * prices.completion) / 1e6


def _client(endpoint: EndpointConfig, key: str) -> "openai.AsyncOpenAI":
    try:
        import openai
        import tenacity  # noqa: F401 - told of at the start, and not with the first request
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed here: {INSTALL}") from error
    # A redirect, or a proxy between this machine and itself, would lead around the gate of medgym_ray.privacy.
    proxies = not privacy.is_loopback(address(endpoint))
    http = openai.DefaultAsyncHttpxClient(follow_redirects=False, trust_env=proxies)
    if endpoint.azure_api_version is not None:
        return openai.AsyncAzureOpenAI(
            azure_endpoint=address(endpoint),
            azure_deployment=endpoint.model,
            api_version=endpoint.azure_api_version,
            api_key=key,
            http_client=http,
            max_retries=0,
        )
    return openai.AsyncOpenAI(base_url=address(endpoint), api_key=key, http_client=http, max_retries=0)


def _completion() -> Any:
    from openai.types.chat import ChatCompletion

    return ChatCompletion


def _names(error: "openai.APIStatusError", field: str) -> bool:
    return field in f"{error.param or ''} {error.message}"


def _passes(error: BaseException) -> bool:
    """Whether the same request may be answered a little later."""
    import openai

    if isinstance(error, openai.RateLimitError):
        return error.code != "insufficient_quota"
    return isinstance(error, openai.APIConnectionError | openai.InternalServerError | openai.ConflictError)


def _is_about_context(error: "openai.APIStatusError") -> bool:
    text = f"{error.code or ''} {error.message}".lower()
    return "context" in text and any(word in text for word in ("exceed", "maximum", "length", "too long"))


def _pause_s(headers: Mapping[str, str]) -> float:
    for name, seconds in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return min(_LONGEST_PAUSE_S, max(0.0, float(headers[name]) * seconds))
        except (KeyError, ValueError):  # it may be a date, which other machines' clocks do not agree on
            continue
    return 0.0
