"""The dogs: what they look like, whatever they do."""

from dataclasses import dataclass
from typing import Literal

from webapp.artwork.pen import mix

Ears = Literal["pointed", "bat", "folded", "floppy", "long", "pompon"]
Tail = Literal["plume", "thin", "curl", "stub", "pompon"]

INK = "#33211a"
SHADOW_TINT = "#2a1420"


@dataclass(frozen=True)
class Breed:
    """Colours and proportions; lengths are in pixels of the finished picture."""

    coat: str
    light: str
    ears: str
    ear_shape: Ears
    tail: Tail = "plume"
    collar: str = "#d8433f"
    socks: str | None = None
    blaze: bool = False
    patch: str | None = None
    saddle: str | None = None
    brows: str | None = None
    mask: str | None = None
    spots: str | None = None
    topknot: bool = False
    eyes: str = INK
    length: float = 78
    depth: float = 62
    legs: float = 62
    muzzle: float = 14

    @property
    def shade(self) -> str:
        """The coat in its own shadow."""
        return mix(self.coat, SHADOW_TINT, 0.14)

    @property
    def paws(self) -> str:
        return self.socks or self.coat


CORGI = Breed("#e39545", "#fff6ea", "#d4822f", "pointed", "stub", "#3c8f8a", "#fff6ea", blaze=True)
RETRIEVER = Breed("#e2ac5c", "#f6d9a3", "#c98b3b", "floppy", "plume", "#3f78c2")
GREYHOUND = Breed(
    "#8c94a8", "#e9ecf3", "#707890", "folded", "thin", "#e25d4a",
    length=84, depth=48, legs=84, muzzle=28,
)  # fmt: skip
BEAGLE = Breed(
    "#d48a4a", "#fff5e8", "#9c5a2c", "long", "thin", "#c8433f", "#fff5e8", blaze=True,
    saddle="#3d2b2a", length=74, legs=48,
)  # fmt: skip
LABRADOR = Breed(
    "#6b4027", "#8a5736", "#55311d", "floppy", "thin", "#f2b632", length=80, depth=64, legs=66
)
HUSKY = Breed(
    "#69758c", "#f8fafd", "#525d73", "pointed", "curl", "#d1495b", "#f8fafd", mask="#f8fafd",
    eyes="#3aa3e0",
)  # fmt: skip
TERRIER = Breed(
    "#fbf4e6", "#ffffff", "#b4703a", "folded", "stub", "#2f9c7b", patch="#b4703a", saddle="#b4703a",
    length=62, depth=52, legs=44, muzzle=12,
)  # fmt: skip
DALMATIAN = Breed("#fbfaf7", "#ffffff", "#33303a", "floppy", "thin", "#d8433f", spots="#33303a")
SHEPHERD = Breed(
    "#b9803f", "#e5bd80", "#4a3430", "pointed", "plume", "#b23a48", saddle="#4a3430",
    length=78, depth=60, legs=70, muzzle=22,
)  # fmt: skip
POODLE = Breed("#f3ddd3", "#fdf0e9", "#e5c3b5", "pompon", "pompon", "#7a5bb5", topknot=True)
PUPPY = Breed("#f0c07a", "#fff1d9", "#a9672f", "floppy", "stub", "#4a90c4", patch="#c98645")
DACHSHUND = Breed(
    "#7a3d22", "#c9844a", "#5c2b17", "long", "thin", "#39a0a6", brows="#c9844a", socks="#c9844a",
    length=118, depth=46, legs=26, muzzle=26,
)  # fmt: skip
BULLDOG = Breed(
    "#6f7585", "#dfe3ea", "#5d6374", "bat", "stub", "#f2b632", blaze=True,
    length=60, depth=66, legs=32, muzzle=-12,
)  # fmt: skip
SHIBA = Breed("#df8a3f", "#fff3e2", "#cf7830", "pointed", "curl", "#4a68c0", mask="#fff3e2")
