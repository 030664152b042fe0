"""The same episodes for whoever brings a loop of his own: Gymnasium environments, and what `verifiers` loads.

Importing this registers `medgym/<family>-v0` for every family. Without Gymnasium there is nobody to register with.
"""

from importlib.util import find_spec

if find_spec("gymnasium") is not None:
    from medgym_ray.environment.registration import register

    register()
