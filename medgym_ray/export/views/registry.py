"""The views by name."""

from medgym_ray.errors import ConfigError
from medgym_ray.export.views.base import View
from medgym_ray.export.views.demonstrations import Demonstrations, ExactTokens
from medgym_ray.export.views.judged import Outcomes, Steps, Unpaired
from medgym_ray.export.views.preferences import Replies, Rollouts
from medgym_ray.export.views.prompts import Prompts

VIEWS: dict[str, View] = {
    view.name: view
    for view in (*(Demonstrations(), ExactTokens(), Rollouts(), Replies(), Unpaired(), Prompts(), Outcomes(), Steps()),)
}


def find_view(name: str) -> View:
    """Raises ConfigError for one that is not there."""
    if name not in VIEWS:
        raise ConfigError(f"view={name}: one of {', '.join(VIEWS)}")
    return VIEWS[name]
