"""How a test would notice that a module does not use a name at a place any more."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence, Set
from functools import cached_property
from pathlib import Path

from flake8_dbsession.analysis.names.project import decode
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.fixes.doubts.given import ANY_TEXT, Code, Looked
from flake8_dbsession.fixes.doubts.handed import Way
from flake8_dbsession.fixes.doubts.neighbours import is_module, module_word, read
from flake8_dbsession.fixes.doubts.patches import HOLE, Patch
from flake8_dbsession.fixes.doubts.reach import Functions, Runners, Use, lasting, runners
from flake8_dbsession.fixes.doubts.replaced import Used
from flake8_dbsession.fixes.doubts.sources import Look
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.reading import Sources
from flake8_dbsession.rewriting.edits import Move, Swap, Taken

# A text that ends in the name, an attribute that is set, a patch of what is no plain text.
_MAY_PATCH = (
    r"\b{0}[\"']|\.{0}\s*=[^=]|\b{0}\s*=[^=].*|sys\.modules"
    r"|\b(?:patch|setattr)\(\s*(?![\"'frbu\s]*[\"'])[\w.\[\]]+\s*[),+\[]"
)
_END = regex(r"[.\"'}](\w+)(?=[\"'{\\])")


class Uses(NamedTuple):
    """What becomes of the places where a module reads a name.

    Attributes:
        swaps: what is called instead, at those that are fixed.
        kept: the lines of those where it is read still.
        functions: the module's functions, and which of them call which.
        may_move: whether a test's text may be changed.
    """

    swaps: tuple[Swap, ...]
    kept: tuple[int, ...]
    functions: Functions
    may_move: bool = True


class Read(NamedTuple):
    """A place where code reads a name of another module each time that it is called."""

    path: Path
    line: int
    functions: Functions

    def used_by(self, other: Functions) -> list[Use]:
        """Give the uses of its module, in another one, by which it may be run."""
        uses = other.uses_of(self.path)
        inside = self.functions.runners_of(self.line)
        if inside is None or not inside <= self.functions.plain:
            return uses
        return [use for use in uses if use.name in inside or not use.name]


class Place(NamedTuple):
    """A place where a module does not read a name any more.

    Attributes:
        name: the name.
        module: the module's file.
        homes: the modules that it imports the name from when it is called.
        swap: what is called in its place; None where nothing is.
        uses: what becomes of all places where it reads the name.
        callers: finds the functions of further modules, which may call those of the module.
        others: finds where code reads a name of the module's homes, or of others that it is
            given, each time that it is called.
        has_own: tells whether a name is bound in the module outside of functions.
    """

    name: str
    module: Path
    homes: frozenset[str]
    swap: Swap | None
    uses: Uses
    callers: Callable[[], tuple[Functions, ...]]
    others: Callable[..., list[Read]]
    has_own: Callable[[str], bool]

    @property
    def modules(self) -> list[Functions]:
        """The functions of the module, and of the further ones."""
        return [self.uses.functions, *self.callers()]

    @property
    def is_of_module(self) -> bool:
        """Whether the name at the place is the module's own."""
        swap = self.swap
        return swap is not None and swap.old == self.name and self.is_own(swap.line)

    @property
    def is_of_module_then(self) -> bool:
        """Whether the name of what is called instead will be the module's own at the place."""
        if self.is_of_module or self.swap is None:
            return self.is_of_module
        functions, new, line = self.uses.functions, self.swap.new, self.swap.line
        is_read = functions.names_around(new, line) and not functions.is_late(new, line)
        return is_read or self.swap.is_at_top

    def is_own(self, line: int) -> bool:
        """Tell whether the name on a line is the module's: no function's own, and no home's."""
        functions = self.uses.functions
        return line in functions.lines_of(self.name) and not functions.is_late(self.name, line)


class _Seen:
    """A patch in a test, and what the test does with what it gives.

    Args:
        patch: the patch.
        code: the test's code.

    Attributes:
        module: the module, as far as it can be read.
        word: the last part of its name.
        name: what is replaced in it.
        at: the line of the patch.
        since: the line from which the test replaces what the patch puts back; else that of it.
        line: the line of the text that names it; 0 where no plain text does.
        is_whole: whether that text names the module, too.
        is_optional: whether it does not matter that the module has no such name.
    """

    def __init__(self, patch: Patch, code: Code) -> None:
        self.patch = patch
        self._code = code
        self.module, self.name, self.at = patch.module, patch.name, patch.line
        self.word = patch.module.rpartition(".")[2]
        self.since = code.since(patch)
        self.line = patch.target.lineno if patch.target is not None else 0
        self.is_whole = patch.target is not None and patch.target.value != patch.name
        self.is_optional = any(map(_makes_optional, patch.options))

    @cached_property
    def looked(self) -> Looked:
        """What the test does with what the patch gives: most patches are of other modules."""
        return self._code.looked(self.patch)

    def may_be_in(self, place: Place) -> bool:
        """Tell whether a patch that cannot be read may be of what a place reads."""
        is_in = is_module(place.module, self.module) or ends_in_any(self.module, place.homes)
        return HOLE in self.module or is_in

    def is_reread(self, swap: Swap | None) -> bool:
        """Tell whether what is called instead does under a patch what the module did by itself."""
        if swap is not None and swap.is_itself and swap.old != self.name in swap.sources:
            return self.looked.is_real
        if swap is None or swap.old != self.name or swap.original or not swap.reads_old:
            return False
        looked = self.looked
        if looked.may_raise and not swap.stays and self._tells(swap.differing):
            return False
        is_other = (
            (swap.enters_old != swap.enters and (looked.enters or looked.notes))
            or (swap.enters_old and not swap.enters and not looked.is_entered)
            or (swap.lends and looked.may_expire)
            or (swap.commits and looked.counts)
            or looked.closes
        )
        return looked.raises or (looked.is_plain and not is_other)

    def is_closed_alike(self, swap: Swap) -> bool:
        """Tell whether closing what is given at the end is all that the code did with it by hand.

        So it is done whatever that is: of the provider's own code nothing runs. Of what was entered
        that has to give itself, and nobody may look at its closes.
        """
        looked = self.looked
        if looked.fails_closing:
            return False
        is_itself = looked.is_entered and looked.is_plain and not looked.enters
        if swap.enters and (not is_itself or looked.closes or looked.notes):
            return False
        is_elsewhere = looked.may_raise and not swap.stays and self._tells(swap.differing)
        return swap.only_closes and not is_elsewhere

    @property
    def is_watched(self) -> bool:
        """Whether the test may see that nothing calls what is given, and closes what that gives."""
        looked = self.looked
        is_mock = looked.is_plain and not looked.may_be_real
        return looked.watches or looked.may_raise or not is_mock

    def _tells(self, differing: frozenset[str] | None) -> bool:
        """Tell whether a test may see which handler caught an error, by the keys that differ."""
        if not differing:
            return differing is None
        return ANY_TEXT in self.looked.reads or not differing.isdisjoint(self.looked.reads)


class Test:
    """A test's file.

    Args:
        path: the file.
        sources: where it is read.
        shared: the files whose fixtures it may get, as ``Code`` takes them.
    """

    def __init__(
        self, path: Path, sources: Sources, shared: Sequence[tuple[ast.Module, str]]
    ) -> None:
        self.path = path
        self._shared = shared
        self._sources = sources
        self._seen: dict[str, list[_Seen]] = {}
        self._named_modules: dict[Path, bool] = {}
        self._runners: dict[tuple[int, Functions, Functions], Runners] = {}
        self._lasting: dict[tuple[int, Functions], frozenset[str]] = {}

    @cached_property
    def tree(self) -> ast.Module | None:
        """Its syntax tree; None where it does not parse."""
        return parse(self._text)

    def looks_into(self, module: Path) -> list[Look]:
        """Give what it looks for in the source of a module, as ``Code`` tells it."""
        if not self.may_name(module) or self._code is None:
            return []
        return self._code.looks_into(module)

    def hands_over(self, name: str, ways: list[Way]) -> bool:
        """Tell whether it hands code what may not be entered, as ``Code`` tells it."""
        return self._code is not None and self._code.hands_over(name, ways)

    def patched(self, name: str, module: Path) -> list[int]:
        """Give the lines of the texts by which it replaces a name in a module."""
        seen = self._patches(name) if self.may_name(module) else []
        return [each.line for each in seen if each.name == name and is_module(module, each.module)]

    def notices(self, place: Place) -> tuple[str, list[Move]]:
        """Say how a test would notice that a module does not read a name at a place any more.

        Returns:
            The reason, empty where it would not, and the texts that have to name something else.
        """
        moves: list[Move] = []
        homes = [place.swap.home] if place.swap and place.swap.home else []
        near = {home.rpartition(".")[2] for home in place.homes}
        near.update(map(module_word, [place.module, *homes]))
        for seen in self._patches(place.name):
            if seen.word in near or HOLE in seen.module:
                reason, found = self._noticed(seen, place)
                if reason:
                    return reason, []
                moves += found
        return self._noticed_then(place), moves

    def replaces(self, taken: Taken, place: Place) -> str:
        """Name what it replaces in the module that a place takes it of; empty for nothing.

        What stands in a ``conftest.py`` may hold for the tests of any other file.
        """
        is_shared = self.path.name == "conftest.py"
        for seen in self._patches(taken.name):
            is_of_home = seen.name == taken.name and is_module(taken.home, seen.module)
            if is_of_home and (is_shared or self._reaches(seen, taken.line, place)):
                return f"{seen.module}.{seen.name}"
        return ""

    def _noticed(self, seen: _Seen, place: Place) -> tuple[str, list[Move]]:
        """Say how a patch would tell, as ``notices`` does of all."""
        if seen.name == "*":
            return self._noticed_whole(seen, place)
        if seen.name != place.name or HOLE in seen.module:
            return self._noticed_unread(seen, place), []
        reason, here = self._noticed_here(seen, place)
        if reason:
            return reason, []
        reason, at_home = self._noticed_at_home(seen, place)
        return reason, here + at_home

    def _noticed_whole(self, seen: _Seen, place: Place) -> tuple[str, list[Move]]:
        """Say how what replaces a module as a whole would tell."""
        if seen.module not in place.homes or not self._may_run(seen, place):
            return "", []
        found = self._in_double(seen, place)
        return (f"replaces `{seen.module}` as a whole", []) if found is None else ("", found)

    def _in_double(self, seen: _Seen, place: Place) -> list[Move] | None:
        """Give the text by which the double of a module is to give what is entered instead, too."""
        swap = place.swap
        if self._code is None or not place.uses.may_move or not seen.line:
            return None
        if not self._is_entered_alike(seen, place) or swap is None or place.has_own(swap.new):
            return None
        if self._is_read_by_others(seen, place, closes=False):
            return None
        old, new = f"{seen.module}.{place.name}", f"{seen.module}.{swap.new}"
        if not self._code.can_repatch(seen.line, old, new, stays=True, closes=False):
            return None
        return [Move(self.path, seen.line, old, new, stays=True, closes=False)]

    def _is_entered_alike(self, seen: _Seen, place: Place) -> bool:
        """Tell whether a block entered all that is called under a patch, as it would then."""
        swap, reached = place.swap, self._reached_late(seen, place)
        if swap is None or swap not in reached or not swap.new.isidentifier():
            return False
        return all(each.new == swap.new and each.enters for each in reached)

    def _reached_late(self, seen: _Seen, place: Place) -> list[Swap]:
        """Give the swaps of what functions import each time, which may run while a patch holds."""
        late = [each for each in place.uses.swaps if each.opens and not place.is_own(each.line)]
        return [each for each in late if self._reaches(seen, each.line, place)]

    def _noticed_unread(self, seen: _Seen, place: Place) -> str:
        """Say how a patch would tell, of which it is not known what it replaces; empty for none."""
        if not seen.may_be_in(place) or self._is_covered(seen, place.swap):
            return ""
        is_run = self._may_run(seen, place)
        return f"may patch `{place.name}` in this module" if is_run else ""

    def _noticed_here(self, seen: _Seen, place: Place) -> tuple[str, list[Move]]:
        """Say how a patch in the module would tell."""
        reason = f"patches `{place.name}` in this module"
        if not is_module(place.module, seen.module) or self._is_covered(seen, place.swap):
            return "", []
        found = self._moved(seen, place) if self._is_held(seen, place) else []
        return (reason, []) if found is None else ("", found)

    def _noticed_at_home(self, seen: _Seen, place: Place) -> tuple[str, list[Move]]:
        """Say how a patch at a home of the name would tell."""
        reason = f"patches `{seen.module}.{place.name}`"
        if self._is_read_newly(seen, place):
            return f"{reason}, which the code would read only then", []
        is_read = ends_in_any(seen.module, place.homes) and not place.is_of_module
        if not is_read or seen.is_reread(place.swap) or not self._may_run(seen, place):
            return "", []
        found = self._beside_home(seen, place)
        return (reason, []) if found is None else ("", found)

    def may_name(self, module: Path) -> bool:
        """Tell whether the test may patch something in a module, or run it: whether it names it.

        Where the name is put together of several texts, one of them ends after its first letters.
        """
        if module not in self._named_modules:
            word = module_word(module)
            texts = (self._text, *(text for _, text in self._shared))
            begun = {word[:end] for end in range(1, len(word))}
            is_named = any(word in text for text in texts) or not begun.isdisjoint(self._ends)
            self._named_modules[module] = is_named
        return self._named_modules[module]

    @cached_property
    def _ends(self) -> frozenset[str]:
        """The words with which texts in the file end, or parts of them."""
        return frozenset(_END.findall(self._text))

    def _is_held(self, seen: _Seen, place: Place) -> bool:
        """Tell whether a patch in the module matters to a place, or would find no name."""
        swap, kept = place.swap, place.uses.kept
        if swap is None or swap.old != place.name:
            is_read_still = swap is not None and swap.is_itself and place.name in swap.sources
            return not is_read_still or self._may_run(seen, place)
        if not place.is_own(swap.line):
            # The import of the module goes with the last use by that name, if it was of use.
            return not kept and any(place.is_own(each.line) for each in place.uses.swaps)
        return not any(map(place.is_own, kept)) or self._reaches(seen, swap.line, place)

    def _reaches(self, seen: _Seen, line: int, place: Place, unless: Sequence[Patch] = ()) -> bool:
        """Tell whether the code on a module's line may run while a patch holds."""
        functions = place.uses.functions
        if not self._runs(seen, Read(place.module, line, functions), place, unless):
            return False
        run_by = self._run_by(line, functions, place)
        names, code = run_by.all, self._code
        if names is None or code is None:
            return True
        later = self._lasting_at(line, names, place)
        return not all(code.runs.has_ended(at, run_by, later) for at in {seen.at, seen.since})

    def _noticed_then(self, place: Place) -> str:
        """Say how a patch of what is called instead would tell, for the module has that name.

        Where the code imports what it calls each time, but uses the module's name for what is
        called instead, a patch of the old name counts as well: that may move to the new one.
        """
        swap = place.swap
        if swap is None or swap.is_itself or not place.is_of_module_then:
            return ""
        patches = [seen for seen in self._patches(swap.new) if seen.name == swap.new]
        if not place.is_of_module:
            patches += [seen for seen in self._patches(place.name) if seen.name == place.name]
        here = [seen for seen in patches if is_module(place.module, seen.module)]
        given = next((seen for seen in here if self._reaches(seen, swap.line, place)), None)
        return f"patches `{given.name}` in this module" if given else ""

    def _is_read_newly(self, seen: _Seen, place: Place) -> bool:
        """Tell whether what is called instead reads a patched name of a home, and nothing did."""
        swap = place.swap
        if swap is None or not place.is_of_module or not swap.reads_old or swap.is_itself:
            return False
        if swap.home is None or not is_module(swap.home, seen.module):
            return False
        same = (each for each in self._patches(place.name) if each.name == place.name)
        own = [each.patch for each in same if is_module(place.module, each.module)]
        return self._reaches(seen, swap.line, place, own)

    def _is_covered(self, seen: _Seen, swap: Swap | None) -> bool:
        """Tell whether a patch may find no name, for the test patches it where it is defined."""
        if not seen.is_optional or swap is None or swap.home is None:
            return False
        homes = [s for s in self._patches(seen.name) if is_module(swap.home, s.module)]
        return bool(homes) and all(home.is_reread(swap) for home in homes)

    def _moved(self, seen: _Seen, place: Place) -> list[Move] | None:
        """Give the texts that a patch has to name, instead or besides; None where none would do."""
        uses, swap = place.uses, place.swap
        if swap is not None and not swap.opens:
            return self._without(seen, place)
        if swap is not None and swap.is_itself:
            return [] if seen.is_reread(swap) else None
        own = [each for each in uses.swaps if each.opens and place.is_own(each.line)]
        reached = [each for each in own if self._reaches(seen, each.line, place)]
        swaps = reached or own
        if swap is None or swap.old != place.name or not swaps or self._code is None:
            return None
        stays = any(self._reaches(seen, line, place) for line in filter(place.is_own, uses.kept))
        stays = stays or self._code.imported.reads(place.name, place.module)
        if all(each.enters for each in swaps):
            new = _only({each.new for each in swaps})
            if new.isidentifier():
                return self._named(seen, place, seen.module, new, stays=stays)
        found = self._at_home(seen, place, swaps, stays=stays)
        return self._closing(seen, place, swaps, stays=stays) if found is None else found

    def _without(self, seen: _Seen, place: Place) -> list[Move] | None:
        """Give no texts where a test can do without what is opened at a place; else None."""
        uses, swap = place.uses, place.swap
        if swap is None or swap.old != place.name:
            return None
        if self._reaches(seen, swap.line, place) and seen.is_watched:
            return None
        left = [*uses.kept, *(each.line for each in uses.swaps if each.opens)]
        stays = not is_module(place.module, seen.module) or any(map(place.is_own, left))
        return [] if stays else None

    def _at_home(
        self, seen: _Seen, place: Place, swaps: list[Swap], *, stays: bool
    ) -> list[Move] | None:
        """Let a test patch a factory where it is defined, so that the provider reads that."""
        assert self._code is not None
        homes = {each.home for each in swaps}
        if len(homes) != 1 or not all(map(seen.is_reread, swaps)) or seen.looked.in_order:
            return None
        home = self._dotted(homes.pop(), seen.module, place.module)
        is_free = self._code.is_alone if stays else self._code.can_name
        if not home or not is_free(seen.at, seen.name):
            return None
        is_patched = home in self._code.patched_at(seen.at, seen.name)
        if stays and is_patched:
            return []
        if not is_patched and self._is_used_by_others(seen, place, home, swaps):
            return None
        return self._named(seen, place, home, seen.name, stays=stays)

    def _is_used_by_others(self, seen: _Seen, place: Place, home: str, swaps: list[Swap]) -> bool:
        """Tell whether other code that a test runs reads a factory's home, or uses a provider."""
        homes, own = frozenset({home}), filter(place.is_own, (s.line for s in place.uses.swaps))
        mine = {(place.module, line) for line in own}
        found = [*place.others(place.name, homes=homes)]
        for provider in {each.new for each in swaps}:
            found += place.others(provider, homes=homes, early=True)
        others = [e for e in found if e.path != swaps[0].home and (e.path, e.line) not in mine]
        return any(
            self._runs(seen, each, place) or self._runs_by_module(seen, each, place)
            for each in others
        )

    def _closing(
        self, seen: _Seen, place: Place, swaps: list[Swap], *, stays: bool
    ) -> list[Move] | None:
        """Let a test patch the provider with what opens and closes the double as the code did."""
        new = _only({each.new for each in swaps})
        if not new.isidentifier() or not all(map(seen.is_closed_alike, swaps)):
            return None
        if any(place.uses.functions.is_late(new, each.line) for each in swaps):
            return None
        module = frozenset({seen.module})
        if any(self._runs(seen, each, place) for each in place.others(new, homes=module)):
            return None
        return self._named(seen, place, seen.module, new, stays=stays, closes=True)

    def _beside_home(self, seen: _Seen, place: Place) -> list[Move] | None:
        """Give the text by which a test is to patch what is entered in a factory's place.

        That does what the factory did under the patch, which stays for all others that read it.
        """
        swap = place.swap
        if swap is not None and not swap.opens:
            return self._without(seen, place)
        if swap is None or swap.old != place.name or not swap.new.isidentifier():
            return None
        if swap.is_itself:
            return None
        reached = self._reached_late(seen, place)
        is_alike = swap in reached and all(each.new == swap.new for each in reached)
        closes = not all(each.enters for each in reached)
        is_alike = is_alike and (not closes or all(map(seen.is_closed_alike, reached)))
        if not is_alike or place.has_own(swap.new):
            return None
        if self._is_read_by_others(seen, place, closes=closes):
            return None
        return self._named(seen, place, seen.module, swap.new, stays=True, closes=closes)

    def _is_read_by_others(self, seen: _Seen, place: Place, *, closes: bool) -> bool:
        """Tell whether other code that a test runs would see that a provider is patched, too.

        Its own providers stay where the factory is defined. What enters the factory elsewhere would
        enter the provider in the same way, but for one that closes what others enter.
        """
        assert place.swap is not None
        found = [*place.others(place.swap.new)]
        found += (
            each
            for each in place.others(place.name)
            if each.path not in (place.module, place.swap.home)
            and (closes or not each.functions.only_enters(place.name, each.line))
        )
        return any(self._runs(seen, each, place) for each in found)

    def _runs(self, seen: _Seen, read: Read, place: Place, unless: Sequence[Patch] = ()) -> bool:
        """Tell whether code of some module may run while a patch holds."""
        if self._code is None or not self._code.runs.may_name(seen.at, read.path):
            return False
        run_by = self._run_by(read.line, read.functions, place)
        modules = place.modules
        uses = [
            Used(use.name, use.attribute, self._run_by(use.line, module, place), use.is_late)
            for module in modules
            for use in read.used_by(module)
        ]
        is_known = any(module.uses_of(read.path) for module in modules)
        known = uses if is_known else None
        return self._code.runs.may_run(seen.at, read.path, run_by, known, unless)

    def _runs_by_module(self, seen: _Seen, read: Read, place: Place) -> bool:
        """Tell whether a module runs code of one that the test need not name for that."""
        functions = place.uses.functions
        return self._code is not None and any(
            self._code.runs.may_run(
                seen.at, place.module, self._run_by(use.line, functions, place), None
            )
            for use in read.used_by(functions)
        )

    def _run_by(self, line: int, functions: Functions, place: Place) -> Runners:
        """Give what stands wherever the code on a line of a module is run."""
        key = (line, functions, place.uses.functions)
        if key not in self._runners:
            self._runners[key] = runners(line, functions, place.modules)
        return self._runners[key]

    def _lasting_at(self, line: int, names: Set[str], place: Place) -> frozenset[str]:
        """Give those of the names by which code is run that may be left by it."""
        key = (line, place.uses.functions)
        if key not in self._lasting:
            self._lasting[key] = lasting(line, names, place.uses.functions, place.callers())
        return self._lasting[key]

    def _named(
        self,
        seen: _Seen,
        place: Place,
        module: str,
        name: str,
        *,
        stays: bool,
        closes: bool = False,
    ) -> list[Move] | None:
        """Let a patch name something, instead of what it names or besides."""
        if not place.uses.may_move or not seen.line or self._code is None:
            return None
        old = f"{seen.module}.{seen.name}" if seen.is_whole else seen.name
        is_same = module == seen.module and not seen.is_whole
        new = name if is_same else f"{module}.{name}"
        if not self._code.can_repatch(seen.line, old, new, stays=stays, closes=closes):
            return None
        is_patched = name != seen.name and self._code.patched_at(seen.at, name)
        if is_patched and (stays or closes):
            return None
        return [Move(self.path, seen.line, old, new, stays, closes)]

    def _dotted(self, home: Path | None, module: str, path: Path) -> str:
        """Give the dotted name of a file from how another one is called; empty for none."""
        parts = module.split(".")
        root = path.parents[len(parts) - 1] if path.stem != "__init__" else None
        if home is None or root is None or not home.is_relative_to(root):
            return ""
        return ".".join(home.relative_to(root).with_suffix("").parts)

    def _may_run(self, seen: _Seen, place: Place) -> bool:
        """Tell whether a place may run while a patch holds: whether something names it there."""
        swap = place.swap
        if swap is not None and place.name in (swap.old, *swap.sources):
            return self._reaches(seen, swap.line, place)
        return self._code is not None and self._code.runs.may_name(seen.at, place.module)

    @cached_property
    def _code(self) -> Code | None:
        tree = self.tree
        return Code(tree, self._text, self._shared) if tree is not None else None

    def _patches(self, name: str) -> list[_Seen]:
        """Give the patches that are, or may be, of a name."""
        if name not in self._seen:
            may_patch = re.search(_MAY_PATCH.format(re.escape(name)), self._text)
            code = self._code if may_patch else None
            self._seen[name] = _seen(code, name) if code is not None else []
        return self._seen[name]

    @cached_property
    def _text(self) -> str:
        return decode(read(self.path, self._sources)) or ""


def ends_in_any(module: str, homes: Set[str]) -> bool:
    """Tell whether a dotted name is one of some, or ends in it as in ``app.service.database``."""
    return any(f".{module}".endswith(f".{home}") for home in homes)


def may_be_any(module: str, homes: Set[str]) -> bool:
    """Tell whether an import, which may be relative, may be from one of some modules."""
    ends = f".{module.lstrip('.')}"
    return ends_in_any(module, homes) or any(f".{home}".endswith(ends) for home in homes)


def _only(names: set[str]) -> str:
    """Give the only name of some; empty where there are several."""
    return next(iter(names)) if len(names) == 1 else ""


def _seen(code: Code, name: str) -> list[_Seen]:
    return [
        _Seen(patch, code)
        for patch in code.patches
        if (patch.name in (name, "*") or code.may_be_named(patch, name))
        and not code.is_of_a_mock(patch)
    ]


def _makes_optional(option: ast.keyword) -> bool:
    match option:
        case ast.keyword(arg="create", value=ast.Constant(value=True)):
            return True
        case ast.keyword(arg="raising", value=ast.Constant(value=False)):
            return True
    return False
