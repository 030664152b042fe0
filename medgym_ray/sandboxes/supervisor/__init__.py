"""What runs inside a sandbox, with the sandbox's own Python (3.11 or newer) and nothing but its standard library.

`master` (namespace) and `container` (docker) are the two ways in; both end in `serve`, the loop that forks one process
per cell. Imports between these modules are relative: inside, the package is called `supervisor`, outside it is
`medgym_ray.sandboxes.supervisor`.
"""
