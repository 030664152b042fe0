"""Episodes that ask one model together."""

import asyncio
from collections.abc import Sequence

import pytest

from medgym_ray.errors import PolicyError
from medgym_ray.policies.base import Generation, GenerationRequest, Sampling
from medgym_ray.train.ensemble import Ensemble


def _request(number: int) -> GenerationRequest:
    return GenerationRequest(f"{number}", "t", 0, Sampling(), 0, 60.0, prompt_token_ids=(number,))


async def _episode(ensemble: Ensemble, number: int, turns: int, delay: float) -> list[str]:
    heard = []
    for _ in range(turns):
        await asyncio.sleep(delay)
        heard.append((await ensemble.seat(number).generate(_request(number))).text)
    ensemble.leave(number)
    return heard


async def test_it_replies_once_all_that_are_left_have_asked_and_in_one_order() -> None:
    batches: list[list[str]] = []

    def sample(requests: Sequence[GenerationRequest]) -> list[Generation]:
        batches.append([request.session_id for request in requests])
        return [Generation(f"{request.session_id}@{len(batches)}", "stop") for request in requests]

    ensemble = Ensemble(sample, 3)
    delays = {0: 0.03, 1: 0.0, 2: 0.01}
    heard = await asyncio.gather(*(_episode(ensemble, n, turns=n + 1, delay=delays[n]) for n in (2, 0, 1)))
    assert batches == [["0", "1", "2"], ["1", "2"], ["2"]]
    assert heard == [["2@1", "2@2", "2@3"], ["0@1"], ["1@1", "1@2"]]


async def test_who_gives_up_holds_nobody_up() -> None:
    ensemble = Ensemble(lambda requests: [Generation("!", "stop") for _ in requests], 2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ensemble.seat(0).generate(_request(0)), 0.01)
    ensemble.leave(0)
    assert (await asyncio.wait_for(ensemble.seat(1).generate(_request(1)), 5)).text == "!"


async def test_what_fails_fails_for_everybody() -> None:
    def broken(requests: Sequence[GenerationRequest]) -> list[Generation]:
        raise PolicyError("out of memory")

    ensemble = Ensemble(broken, 2)
    ended = await asyncio.gather(*(ensemble.seat(n).generate(_request(n)) for n in range(2)), return_exceptions=True)
    assert [str(error) for error in ended] == ["out of memory"] * 2
