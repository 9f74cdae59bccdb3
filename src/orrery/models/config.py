"""The settings of the models: which providers there are, what their models cost, which model is meant by default.

One TOML file: `$ORRERY_MODELS`, else `.orrery/models.toml` in the working folder, else
`~/.config/orrery/models.toml`. Without a file the well-known providers are there, with their keys in the usual
environment variables. Every problem of a file is reported at once, each with its line.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args

import msgspec

from orrery.errors import ModelSettingsError, Problem, UnknownNameError, suggestion

Kind = Literal["openai-chat", "openai-responses", "anthropic", "google", "ollama"]

FILE_VARIABLE, MODEL_VARIABLE = "ORRERY_MODELS", "ORRERY_MODEL"
_KEY = re.compile(r"none|env:[A-Za-z_]\w*|keyring:.+")
_PROVIDER = re.compile(r"[A-Za-z0-9][\w.-]*")
_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where models are asked.

    Args:
        kind: the wire format it speaks.
        base_url: the address below which its paths lie; the provider's own where None.
        key: "env:NAME", "keyring:SERVICE" or "none"; the usual variable of its kind where None.
        requests_per_minute: in any 60 seconds; None: no limit of ours.
        tokens_per_minute: read and written, in any 60 seconds.
        concurrency: calls at once.
        idle_s: the longest silence within an answer, in seconds.
    """

    kind: Kind
    base_url: str | None = None
    key: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None
    idle_s: float = 60.0

    @property
    def key_place(self) -> str:
        """Where its key is: as given, or where a key of its kind usually is."""
        return self.key if self.key is not None else _USUAL_KEYS[self.kind]


class ModelFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says of one model. What it leaves out is unknown, or stands in the table of prices.

    Args:
        window_tokens: how many tokens it can read.
        input_per_mtok, output_per_mtok, cached_input_per_mtok: US dollars for a million tokens of each sort.
        quality: the share of tasks of middling difficulty that it solves, in [0, 1].
        first_s: seconds to the first token.
        tokens_per_s, prefill_per_s: how many it writes, and reads, in a second.
        block_tokens: the blocks in which its server keeps beginnings of prompts; 0: it keeps none.
        slots: calls that it works on at once.
        thinking: how many tokens it may be let think, the choices that there are.
        replica_of: a model that is the same, served elsewhere.
    """

    window_tokens: int | None = None
    input_per_mtok: Decimal | None = None
    output_per_mtok: Decimal | None = None
    cached_input_per_mtok: Decimal | None = None
    quality: float | None = None
    first_s: float | None = None
    tokens_per_s: float | None = None
    prefill_per_s: float | None = None
    block_tokens: int | None = None
    slots: int | None = None
    thinking: tuple[int, ...] = ()
    replica_of: str = ""


_USUAL_KEYS: Mapping[Kind, str] = {
    "openai-chat": "env:OPENAI_API_KEY",
    "openai-responses": "env:OPENAI_API_KEY",
    "anthropic": "env:ANTHROPIC_API_KEY",
    "google": "env:GOOGLE_API_KEY",
    "ollama": "none",
}

WELL_KNOWN: Mapping[str, Provider] = {
    "openai": Provider("openai-responses"),
    "openai-chat": Provider("openai-chat"),
    "anthropic": Provider("anthropic"),
    "google": Provider("google"),
    "ollama": Provider("ollama", base_url="http://localhost:11434/v1"),
}
"""The providers that need no file."""


class Named(NamedTuple):
    """A model by its provider and the name it has there."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


class Settings(msgspec.Struct, frozen=True):
    """All that is set; `path` is the file it came from, None where there is none."""

    path: Path | None = None
    providers: Mapping[str, Provider] = msgspec.field(default_factory=lambda: dict(WELL_KNOWN))
    models: Mapping[str, ModelFacts] = {}
    aliases: Mapping[str, str] = {}
    default: str | None = None

    def named(self, name: str) -> Named:
        """The model that a name means: "PROVIDER:MODEL", or an alias. Raises UnknownNameError."""
        full = self.aliases.get(name, name)
        provider, colon, model = full.partition(":")
        if not colon or not model:
            raise UnknownNameError("model", name, self.aliases)
        if provider not in self.providers:
            raise UnknownNameError("model provider", provider, self.providers)
        return Named(provider, model)

    def original(self, named: Named) -> Named:
        """The model that one is a replica of: itself if it is none. Raises UnknownNameError."""
        facts = self.models.get(str(named))
        return self.named(facts.replica_of) if facts is not None and facts.replica_of else named

    def replicas(self, named: Named) -> list[Named]:
        """A model and those that are the same served elsewhere, in the order of the file. Raises UnknownNameError."""
        return [named, *(one for one in map(self.named, self.models) if one != named and self.original(one) == named)]


def settings_path() -> Path | None:
    """The file that counts at present; None if there is none. `$ORRERY_MODELS` counts even if it is not there."""
    named = os.environ.get(FILE_VARIABLE)
    if named:
        return Path(named).expanduser()
    users = os.path.expanduser("~/.config/orrery/models.toml")  # a Path would raise without a home
    for path in (Path(".orrery/models.toml"), Path(users)):
        if path.is_file():
            return path
    return None


def settings() -> Settings:
    """The settings as they are now; a file is read again when it has changed.

    Raises:
        ModelSettingsError: the file cannot be read, with everything that is wrong in it.
    """
    path = settings_path()
    if path is None:
        return _NOTHING_SET
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        problem = Problem("model-settings", str(path), f"cannot be read: {error.strerror or error}")
        raise ModelSettingsError([problem]) from error


def default_model() -> str | None:
    """The model that is meant where none is named: `$ORRERY_MODEL`, else the file's `default`; None without either."""
    return os.environ.get(MODEL_VARIABLE) or settings().default


@lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int, _size_bytes: int) -> Settings:
    return parse(path.read_text(encoding="utf-8-sig", errors="replace"), path)  # some editors put a mark in front


_NOTHING_SET = Settings()


def parse(text: str, path: Path | None = None) -> Settings:
    """The settings that a file's text amounts to. Raises ModelSettingsError."""
    reader = _Reader(text, path or Path("models.toml"))
    found = reader.settings()
    if reader.problems:
        raise ModelSettingsError(reader.problems)
    return found


_S = TypeVar("_S", Provider, ModelFacts)


class _Reader:
    def __init__(self, text: str, path: Path) -> None:
        self._lines, self._path = text.splitlines(), path
        self.problems: list[Problem] = []
        try:
            self._data: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            message = str(error)
            at = _AT_LINE.search(message)
            place = f"{path}:{at[1]}:{at[2]}" if at else str(path)
            raise ModelSettingsError([Problem("model-settings", place, _AT_LINE.sub("", message).lower())]) from error
        except RecursionError as error:
            raise ModelSettingsError([Problem("model-settings", str(path), "is nested too deeply")]) from error

    def settings(self) -> Settings:
        for name in self._data:
            if name not in ("providers", "models", "aliases", "default"):
                known = suggestion(name, ("providers", "models", "aliases", "default"))
                self._problem(f"there is no setting {name!r}; {known}", name)
        providers = dict(WELL_KNOWN)
        for name, table in self._tables("providers"):
            if not _PROVIDER.fullmatch(name):
                self._problem(f"{name!r} cannot name a provider: use letters, digits, '-'", "providers", name)
            provider = self._struct(Provider, table, "providers", name)
            if provider is not None:
                self._check_provider(provider, name)
                providers[name] = provider
        models = {}
        for name, table in self._tables("models"):
            facts = self._struct(ModelFacts, table, "models", name)
            if facts is not None:
                self._check_facts(facts, name)
                models[name] = facts
        found = Settings(self._path, providers, models, {}, None)
        for name in models:
            self._check_name(found, name, "models", name)
        aliases = {}
        for name, meant in self._items("aliases"):
            if isinstance(meant, str) and ":" not in name:
                aliases[name] = meant
                self._check_name(found, meant, "aliases", name)
            else:
                self._problem("an alias is a name without ':' for one PROVIDER:MODEL", "aliases", name)
        found = msgspec.structs.replace(found, aliases=aliases)
        for name, facts in models.items():
            if facts.replica_of:
                self._check_original(found, facts.replica_of, name)
        default = self._data.get("default")
        if default is not None:
            if isinstance(default, str):
                self._check_name(found, default, "default")
            else:
                self._problem("the default is one PROVIDER:MODEL, or an alias", "default")
        return msgspec.structs.replace(found, default=default if isinstance(default, str) else None)

    def _items(self, name: str) -> Iterator[tuple[str, Any]]:
        table = self._data.get(name, {})
        if isinstance(table, dict):
            yield from table.items()
        else:
            self._problem(f"{name!r} is a table: write [{name}]", name)

    def _tables(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for inner, table in self._items(name):
            if isinstance(table, dict):
                yield inner, table
            else:
                self._problem(f'is a table: write [{name}."{inner}"]', name, inner)

    def _struct(self, kind: type[_S], table: dict[str, Any], *where: str) -> _S | None:
        fields = kind.__struct_fields__
        wrong = False
        for name in table:
            if name not in fields:
                wrong = True
                if name in ("api_key", "apikey", "secret", "token"):
                    hint = 'keys are never written here: key = "env:NAME" or "keyring:SERVICE" says where one is'
                else:
                    hint = suggestion(name, fields)
                self._problem(f"there is no setting {name!r} here; {hint}", *where, name)
        kept = {name: value for name, value in table.items() if name in fields}
        for name, value in kept.items():
            if isinstance(value, int) and not isinstance(value, bool) and name.endswith("_per_mtok"):
                kept[name] = Decimal(value)
            elif isinstance(value, Decimal) and not name.endswith("_per_mtok"):
                kept[name] = float(value)
        try:
            made = msgspec.convert(kept, kind)
        except msgspec.ValidationError as error:
            said, _, inner = str(error).partition(" - at ")
            name = inner.strip("`").removeprefix("$.")
            if name == "kind":
                said = f"kind is one of {', '.join(get_args(Kind))}"
            self._problem(said.replace("`", "'"), *where, *([name] if name else []))
            return None
        return None if wrong else made

    def _check_provider(self, provider: Provider, name: str) -> None:
        if provider.key is not None and not _KEY.fullmatch(provider.key):
            # What stands there may be the key itself, so it is not shown.
            self._problem('key says where the key is: "env:NAME", "keyring:SERVICE" or "none"', *_at(name, "key"))
        if provider.base_url is not None and not re.match(r"https?://[^/\s]+", provider.base_url):
            self._problem("base_url begins with http:// or https:// and a host", *_at(name, "base_url"))
        for limit in ("requests_per_minute", "tokens_per_minute", "concurrency", "idle_s"):
            value = getattr(provider, limit)
            if value is not None and not value > 0:
                self._problem(f"{limit} is more than 0; leave it out for no limit", *_at(name, limit))

    def _check_facts(self, facts: ModelFacts, name: str) -> None:
        for field in ModelFacts.__struct_fields__:
            value = getattr(facts, field)
            if isinstance(value, int | float | Decimal) and not (math.isfinite(value) and value >= 0):
                self._problem(f"{field} is not below 0", "models", name, field)
            elif field in ("tokens_per_s", "prefill_per_s", "slots") and value == 0:
                self._problem(f"{field} is above 0; leave it out if nobody knows", "models", name, field)
        if facts.quality is not None and facts.quality > 1:
            self._problem("quality is a share, in [0, 1]", "models", name, "quality")
        if any(tokens < 0 for tokens in facts.thinking):
            self._problem("thinking holds numbers of tokens, none below 0", "models", name, "thinking")
        if (facts.input_per_mtok is None) != (facts.output_per_mtok is None):
            self._problem("a price needs both input_per_mtok and output_per_mtok", "models", name)

    def _check_original(self, found: Settings, name: str, replica: str) -> None:
        try:
            original = found.named(name)
            if found.original(original) != original:
                self._problem(
                    f"{name!r} is a replica too: name the model that both are", "models", replica, "replica_of"
                )
        except UnknownNameError as error:
            self._problem(f"{error}; a model is named PROVIDER:MODEL", "models", replica, "replica_of")

    def _check_name(self, found: Settings, name: str, *where: str) -> None:
        try:
            found.named(name)
        except UnknownNameError as error:
            self._problem(f"{error}; a model is named PROVIDER:MODEL", *where)

    def _problem(self, message: str, *where: str) -> None:
        line = self._line(where)
        place = f"{self._path}:{line}" if line else str(self._path)
        self.problems.append(Problem("model-settings", place, message))

    def _line(self, where: tuple[str, ...]) -> int | None:
        """The line in which a setting is written, as well as can be told from the text; None if it cannot."""
        found, rest = None, list(where)
        for number, line in enumerate(self._lines, 1):
            if not rest:
                break
            header = re.match(r"\s*\[([^\]]*)\]", line)
            if header:
                names = [plain or quoted for quoted, plain in re.findall(r'"([^"]*)"|([^\s".]+)', header[1])]
                if names == list(where[: len(names)]):
                    found, rest = number, list(where[len(names) :])
            elif len(rest) == 1 and re.match(rf"\s*[\"']?{re.escape(rest[0])}[\"']?\s*=", line):
                return number
        return found


def _at(provider: str, name: str) -> tuple[str, str, str]:
    return "providers", provider, name
