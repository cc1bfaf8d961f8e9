"""What is asked when a model group has failed: chains of fallbacks, depth first, each group at most once."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.errors import ContentPolicyViolationError, ContextWindowExceededError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from aiocompl.errors import AiocomplError
    from aiocompl.policy.config import RouterConfig

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@attrs.frozen
class Fallback:
    """One entry of a chain."""

    model: str
    """A model group, an alias, or a name that is routed directly."""
    params: Mapping[str, Any] = attrs.field(
        default=_NOTHING, repr=lambda params: f"<{len(params)} overrides>"
    )
    """Keywords that take the place of the call's own: ``{"temperature": 0, "api_key": ...}``."""


@attrs.frozen(kw_only=True)
class Fallbacks:
    """All chains of a configuration. Pure and shared by all calls."""

    general: Mapping[str, tuple[Fallback, ...]] = _NOTHING
    context_window: Mapping[str, tuple[Fallback, ...]] = _NOTHING
    content_policy: Mapping[str, tuple[Fallback, ...]] = _NOTHING
    default: tuple[Fallback, ...] = ()
    aliases: Mapping[str, str] = _NOTHING
    limit: int | None = None
    """How many one call may ask."""

    @classmethod
    def of(cls, config: RouterConfig) -> Self:
        """Those of a configuration."""
        return cls(
            general=config.fallbacks,
            context_window=config.context_window_fallbacks,
            content_policy=config.content_policy_fallbacks,
            default=config.default_fallbacks,
            aliases={name: alias.model for name, alias in config.model_group_alias.items()},
            limit=config.max_fallbacks,
        )

    def walk(self, group: str, own: tuple[Fallback, ...] | None = None) -> FallbackWalk:
        """A call's way through the chains.

        Args:
            group: The group that is asked first.
            own: The call's own `fallbacks=`, which take the place of the group's general chain and of `default`.
        """
        first = self.group(group)
        if own is None:
            return FallbackWalk(self, first)
        return FallbackWalk(attrs.evolve(self, general={**self.general, first: own}, default=()), first)

    def chain(
        self, group: str, error: AiocomplError, own: tuple[Fallback, ...] | None = None
    ) -> tuple[Fallback, ...]:
        """Everything that would be asked if each failed with an error of this kind, in order."""
        walk = self.walk(group, own)
        entries: list[Fallback] = []
        while (entry := walk.next(error)) is not None:
            entries.append(entry)
        return tuple(entries)

    def group(self, name: str) -> str:
        """The group that a name means."""
        return self.aliases.get(name, name)

    def after(self, group: str, error: AiocomplError) -> tuple[Fallback, ...]:
        """A group's own chain for an error, without `default`."""
        if isinstance(error, ContentPolicyViolationError):
            return self.content_policy.get(group, ())
        if isinstance(error, ContextWindowExceededError) and group in self.context_window:
            return self.context_window[group]
        return self.general.get(group, ())


@attrs.define(eq=False)
class FallbackWalk:
    """One call's way: told why the last group failed, it says what is asked next.

    The chain of a fallback that failed goes before the rest of the chain that it stood in.
    """

    _fallbacks: Fallbacks
    _current: str
    _waiting: list[Fallback] = attrs.field(factory=list, init=False)  # the next one last
    _asked: list[Fallback] = attrs.field(factory=list, init=False)
    _groups: set[str] = attrs.field(factory=set, init=False)
    _count: int = attrs.field(default=0, init=False)
    _first: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._first = self._current

    def next(self, error: AiocomplError) -> Fallback | None:
        """What is asked after this error; None where nothing is left."""
        fallbacks = self._fallbacks
        if self._count == fallbacks.limit:
            return None
        if isinstance(error, ContentPolicyViolationError):
            self._waiting.clear()  # none of these was named for content that is refused
        self._groups.add(self._current)
        self._waiting += reversed(fallbacks.after(self._current, error))
        entry = self._take(self._waiting)
        if entry is None and not isinstance(error, ContentPolicyViolationError):
            entry = self._take(list(reversed(fallbacks.default)))
        if entry is not None:
            self._current = fallbacks.group(entry.model)
            self._count += 1
        return entry

    def fresh(self) -> FallbackWalk:
        """The same way for another call, at its beginning."""
        return FallbackWalk(self._fallbacks, self._first)

    def has_next(self, error: AiocomplError) -> bool:
        """Whether anything is asked after this error; nothing is taken."""
        trial = FallbackWalk(self._fallbacks, self._current)
        trial._waiting, trial._asked = self._waiting.copy(), self._asked.copy()
        trial._groups, trial._count = self._groups.copy(), self._count
        return trial.next(error) is not None

    def _take(self, waiting: list[Fallback]) -> Fallback | None:
        """The next that has not been asked; one with overrides is another than its group alone."""
        while waiting:
            entry = waiting.pop()
            if entry.params:
                if entry not in self._asked:
                    self._asked.append(entry)
                    return entry
            elif self._fallbacks.group(entry.model) not in self._groups:
                return entry
        return None
