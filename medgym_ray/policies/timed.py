"""A policy that is waited for as long as a request says, and no longer."""

import asyncio

from medgym_ray.errors import PolicyError
from medgym_ray.policies.base import Generation, GenerationRequest, Policy


class TimedPolicy:
    """Asked one thing at a time."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._wait: asyncio.Timeout | None = None

    async def generate(self, request: GenerationRequest) -> Generation | None:
        """A reply; None where the request's time is over, or was before it came. Raises what the policy raises."""
        if request.deadline_s <= 0:
            return None
        try:
            async with asyncio.timeout(request.deadline_s) as self._wait:
                return await self._policy.generate(request)
        except TimeoutError as error:
            if self._wait is None or not self._wait.expired():  # a time-out of the policy's own
                raise PolicyError(str(error) or "the policy timed out") from error
            return None
        finally:
            self._wait = None

    def cut(self) -> None:
        """The reply that is waited for, if any, is waited for no more."""
        if self._wait is not None and not self._wait.expired():
            self._wait.reschedule(asyncio.get_running_loop().time())
