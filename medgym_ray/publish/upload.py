"""A directory → a data set on the Hub, and everything that may be in the way told in one line.

`upload_folder` does it: it goes on where it was cut off, for what the Hub has already is told by its hash, and with
hf_xet it commits a large directory in parts. (`upload_large_folder`, once the one for that, is gone from
huggingface_hub 2.)
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import HfApi, constants, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import disable_progress_bars

import medgym_ray
from medgym_ray.errors import ConfigError, HubError
from medgym_ray.export.files import DATA
from medgym_ray.publish.files import VIEWS

_UNAUTHORISED, _FORBIDDEN = 401, 403
_KIND = "dataset"


def endpoint() -> str:
    """The address of the Hub: HF_ENDPOINT, or huggingface_hub's own."""
    return str(constants.ENDPOINT)


class Hub:
    """One data set of a Hub."""

    def __init__(self, repo: str, private: bool) -> None:
        """Raises ConfigError where there is no token."""
        if get_token() is None:
            raise ConfigError(f"no token for {endpoint()}: set HF_TOKEN, or log in once by `hf auth login`")
        self._repo, self._private = repo, private
        self._api = HfApi(library_name="medgym_ray", library_version=medgym_ray.__version__)

    @property
    def url(self) -> str:
        """Where it can be looked at."""
        return f"{endpoint()}/datasets/{self._repo}"

    def check(self) -> None:
        """Raises ConfigError where the data set is there and is not as private as was asked; HubError."""
        with self._told():
            try:
                private = self._api.repo_info(self._repo, repo_type=_KIND).private
            except RepositoryNotFoundError:
                return
        if self._private and not private:
            raise ConfigError(f"repo={self._repo} is there and is public: say private=false, or choose another name")
        if private and not self._private:
            raise ConfigError(
                f"repo={self._repo} is there and is private: say private=true; who may see it is changed on the Hub"
            )

    def upload(self, folder: Path, message: str) -> None:
        """Brings the data set to what is in a directory; files of ours that are no longer in it are removed.

        Raises ConfigError where the Hub does not let us, HubError where it fails.
        """
        disable_progress_bars()
        with self._told():
            self._api.create_repo(self._repo, repo_type=_KIND, private=self._private, exist_ok=True)
        self.check()
        with self._told():
            self._api.upload_folder(
                repo_id=self._repo,
                repo_type=_KIND,
                folder_path=folder,
                commit_message=message,
                delete_patterns=[f"{DATA}/*", f"{VIEWS}/*"],
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        where = f"{self._repo} at {endpoint()}"
        try:
            yield
        except HFValidationError as error:
            raise ConfigError(f"repo={self._repo}: {_line(error)}") from error
        except OfflineModeIsEnabled as error:
            raise ConfigError("HF_HUB_OFFLINE is set, and publishing needs the Hub: unset it") from error
        except HfHubHTTPError as error:
            raise self._refused(error, where) from error
        except RuntimeError as error:  # what a file's upload ended with is its cause
            if isinstance(error.__cause__, HfHubHTTPError):
                raise self._refused(error.__cause__, where) from error
            raise HubError(f"{where}: {_line(error)}; the same command goes on") from error
        except OSError as error:
            raise HubError(f"{where}: {_line(error)}; the same command goes on") from error
        except Exception as error:
            # httpx before huggingface_hub 2, httpx2 since: of errors of the network both call the base so.
            if not any(kind.__name__ in ("HTTPError", "XetError") for kind in type(error).__mro__):
                raise
            raise HubError(f"{where}: cannot be reached ({_line(error)}); the same command goes on") from error

    def _refused(self, error: HfHubHTTPError, where: str) -> ConfigError | HubError:
        status = error.response.status_code
        if status == _UNAUTHORISED:
            return ConfigError(f"{where}: the token is not known there (401); set HF_TOKEN to one that is")
        if status == _FORBIDDEN:
            return ConfigError(
                f"{where}: the token may not write there (403); it needs the right to write to that name"
            )
        return HubError(f"{where}: the Hub answered {status} ({_line(error)}); the same command goes on")


def _line(error: Exception) -> str:
    """The first line of an error, without the token."""
    token = get_token()
    line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return (line.replace(token, "…") if token else line)[:200]
