"""Results kept beside the code, so that flake8 looks again only at what may have changed."""

from __future__ import annotations

import ast
import json
import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flake8_dbsession.checking.cache_folder import FOLDER, make_folder, read, state_of_code, write
from flake8_dbsession.digests import digest, digest_of_texts
from flake8_dbsession.failures import FAILURES
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.policy.errors import PolicyError

if TYPE_CHECKING:
    from flake8_dbsession.checking.present import Present
    from flake8_dbsession.policy.model import Policy
    from flake8_dbsession.rules.base import Violation

SUFFIX = ".flake8"
"""What the files with results end in."""

# What there is to say where nothing is kept, or what is kept is damaged or of another form.
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Kept:
    """Checks files as a linter does, and keeps the results for as long as they hold.

    A result rests on the file's content and policy, on where its imports lead, on the content of
    what they lead to, and on the code that checks. It is kept in a file of its own, for flake8 has
    several processes check files at once.

    Args:
        settings: what the user asked for.

    Raises:
        PolicyError: the policy or preset that the settings name cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._linter = Linter(settings)
        self._settings = settings
        self._projects: dict[Path, Present] = {}
        self._folders: set[str] = set()

    def check(self, filename: str, text: str, tree: ast.Module) -> list[Violation]:
        """Check one file.

        Args:
            filename: its path, absolute or relative to the working directory.
            text: its source, with ``\\n`` line ends.
            tree: its syntax tree.

        Returns:
            The violations by position, their columns in characters.
        """
        content = text.encode(errors="surrogatepass")
        if self._linter.dismisses(filename, content):
            return []
        from flake8_dbsession.analysis.names.locations import marked_root

        path = os.path.abspath(filename)
        root, policy = marked_root(Path(path).parent), self._linter.policy_for(path)
        if root is None or _holds_home(root) or isinstance(policy, PolicyError):
            return self._linter.check(filename, text, tree)
        place = os.path.join(root, FOLDER, f"{digest(os.fsencode(path))}{SUFFIX}")
        key = self._key(path, content, policy)
        known = self._known(place, key, root)
        if known is None:
            known = self._linter.check(filename, text, tree)
            self._keep(place, key, filename, known)
        return known

    def _key(self, path: str, content: bytes, policy: Policy) -> str:
        """Give the key of all that a result rests on but other modules."""
        paths = path, os.path.realpath(path), str(policy.source)
        contents = digest(content), digest(policy.content)
        return digest_of_texts((self._ground, *paths, *contents))

    @cached_property
    def _ground(self) -> str:
        """What is the same for all files of a run."""
        selected = sorted(self._settings.selected)
        settings = repr(self._settings._replace(selected=frozenset()))
        return digest_of_texts((os.getcwd(), *state_of_code(), settings, *selected))

    def _known(self, place: str, key: str, root: Path) -> list[Violation] | None:
        """Give a kept result that still holds."""
        from flake8_dbsession.rules.base import Violation

        try:
            kept = json.loads(read(place))
            if kept["key"] != key or not self._present(root).is_as_of(kept):
                return None
            return [Violation(*fields) for fields in kept["violations"]]
        except _UNUSABLE:
            return None

    def _present(self, root: Path) -> Present:
        from flake8_dbsession.checking.present import Present

        if root not in self._projects:
            self._projects[root] = Present(root)
        return self._projects[root]

    def _keep(self, place: str, key: str, filename: str, found: list[Violation]) -> None:
        premises = self._linter.premises(filename)
        if premises is None or any(violation.code in FAILURES for violation in found):
            return
        kept = {
            "key": key,
            "answers": [
                (str(folder), dotted, level, str(path) if path else None)
                for (folder, dotted, level), path in premises.answers.items()
            ],
            "digests": {str(path): content for path, content in premises.digests.items()},
            "violations": found,
        }
        folder = os.path.dirname(place)
        with suppress(OSError):
            if folder not in self._folders:
                make_folder(folder)
                self._folders.add(folder)
            write(place, json.dumps(kept, separators=(",", ":")).encode())


def _holds_home(root: Path) -> bool:
    """Tell whether a folder is the user's home or around it, where no project's cache belongs."""
    home = Path(os.path.expanduser("~"))
    return root == home or root in home.parents
