"""hashicorp/random: values of real chance, which stay what they are until a keeper changes.

https://registry.terraform.io/providers/hashicorp/random/3.7.2/docs
"""

from __future__ import annotations

import base64
import secrets
import string
import uuid
from collections.abc import Mapping
from typing import Any

from tests.testbed.terraform.stand_in.driver import Refused, State, Value

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
TEXT = {
    "lower": True,
    "upper": True,
    "numeric": True,
    "special": True,
    "min_lower": 0,
    "min_upper": 0,
    "min_numeric": 0,
    "min_special": 0,
}
DEFAULTS: Mapping[str, Mapping[str, Value]] = {
    "random_password": TEXT,
    "random_string": TEXT,
    "random_pet": {"length": 2, "separator": "-"},
}
TEXT_FORCES = ("keepers", "length", "override_special", *TEXT)
FORCES: Mapping[str, tuple[str, ...]] = {
    "random_password": TEXT_FORCES,
    "random_string": TEXT_FORCES,
    "random_id": ("keepers", "byte_length", "prefix"),
    "random_integer": ("keepers", "min", "max", "seed"),
    "random_pet": ("keepers", "length", "prefix", "separator"),
    "random_uuid": ("keepers",),
}
PETS = ("bulldog", "collie", "dachshund", "husky", "poodle", "whippet")
MOODS = ("brave", "calm", "eager", "gentle", "merry", "proud")
CHANCE = secrets.SystemRandom()


class Chance:
    """Nobody but Terraform's state remembers what was drawn."""

    sensitive: Mapping[str, frozenset[str]] = {
        "random_password": frozenset({"bcrypt_hash", "result"})
    }

    def configure(self, _config: State) -> None:
        """Nothing to say."""

    def defaults(self, kind: str) -> Mapping[str, Value]:
        """Those of the provider."""
        return DEFAULTS.get(kind, {})

    def computed(self, _kind: str) -> tuple[str, ...]:
        """None."""
        return ()

    def force_new(self, kind: str) -> tuple[str, ...]:
        """Everything: a value is drawn once."""
        return FORCES[kind]

    def plan(self, _kind: str, _prior: State | None, planned: State, config: State) -> State:
        """The keepers are those of the configuration, also where it has none any more."""
        return {**planned, "keepers": config.get("keepers")}

    def create(self, kind: str, planned: State) -> State:
        """Draw."""
        match kind:
            case "random_password":
                drawn = text(planned)
                return {**planned, "id": "none", "result": drawn}
            case "random_string":
                drawn = text(planned)
                return {**planned, "id": drawn, "result": drawn}
            case "random_id":
                return {**planned, **identifier(planned)}
            case "random_integer":
                number = CHANCE.randint(int(planned["min"]), int(planned["max"]))
                return {**planned, "id": str(number), "result": number}
            case "random_uuid":
                drawn = str(uuid.uuid4())
                return {**planned, "id": drawn, "result": drawn}
            case "random_pet":
                return {**planned, "id": pet(planned)}
            case _:
                raise Refused(f"{kind} is not in this stand-in")

    def update(self, _kind: str, _prior: State, planned: State) -> State:
        """Nothing that would draw again."""
        return planned

    def delete(self, _kind: str, _prior: State) -> None:
        """Forgotten."""

    def read(self, _kind: str, state: State) -> State:
        """As it was drawn."""
        return state

    def data(self, kind: str, _config: State) -> State:
        """There are none."""
        raise Refused(f"{kind} is not in this stand-in")


def text(planned: State) -> str:
    """A password with at least so many of each class of characters."""
    classes = {
        "lower": string.ascii_lowercase,
        "upper": string.ascii_uppercase,
        "numeric": string.digits,
        "special": planned.get("override_special") or SPECIAL,
    }
    allowed = {name: letters for name, letters in classes.items() if planned[name]}
    drawn = [
        CHANCE.choice(letters)
        for name, letters in allowed.items()
        for _ in range(int(planned[f"min_{name}"]))
    ]
    missing = int(planned["length"]) - len(drawn)
    if missing < 0 or not allowed:
        raise Refused("Invalid Attribute Combination", "length is too short for the minimums")
    drawn += CHANCE.choices("".join(allowed.values()), k=missing)
    CHANCE.shuffle(drawn)
    return "".join(drawn)


def identifier(planned: State) -> dict[str, Any]:
    """Random bytes in all their forms."""
    drawn = secrets.token_bytes(int(planned["byte_length"]))
    prefix = planned.get("prefix") or ""
    plain = base64.urlsafe_b64encode(drawn).decode().rstrip("=")
    return {
        "id": plain,
        "b64_url": prefix + plain,
        "b64_std": prefix + base64.b64encode(drawn).decode(),
        "hex": prefix + drawn.hex(),
        "dec": prefix + str(int.from_bytes(drawn, "big")),
    }


def pet(planned: State) -> str:
    """The name of a dog."""
    words = [CHANCE.choice(MOODS) for _ in range(int(planned["length"]) - 1)]
    named = [*filter(None, [planned.get("prefix")]), *words, CHANCE.choice(PETS)]
    return str(planned["separator"]).join(named)


def driver() -> Chance:
    """The driver of this provider."""
    return Chance()
