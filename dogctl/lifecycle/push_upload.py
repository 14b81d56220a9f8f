"""The engine's push of one tag, tried again where that may help."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

from dogctl.errors import DogctlError, ToolError
from dogctl.image import Digest, ImageRef
from dogctl.lifecycle.push_progress import Layers
from dogctl.lifecycle.push_registry import Place
from dogctl.plan import Run
from dogctl.registries import refusals
from dogctl.registries.oci import OciRegistry
from dogctl.tools.docker import PUSH_REFUSED, Docker, Image, Layer

# Between tries, on top of what the engine itself tries again and of what a registry asks for.
PAUSES = (2.0, 8.0, 30.0)
GLANCE_SECONDS = 0.2
# The engine's words for an image that it does not have, or with the content of some platforms only.
_GONE, _INCOMPLETE = "does not exist locally", "missing content"


@dataclass(frozen=True)
class Upload:
    """One image on its way to one tag of a registry."""

    place: Place
    docker: Docker
    ref: ImageRef
    image: Image
    step: Run

    def run(self) -> Digest:
        """Push until the registry has it; answers the digest that it has there.

        Layers that are up stay there, so a further try goes on with the rest. Raises DogctlError.
        """
        registry = self.place.open(self.step.sleep)
        self.docker.tag(self.image.id, self.ref)
        for pause in (*PAUSES, None):
            # The engine does not tell how long a registry wants to be left alone; this waits.
            there = self.step.interruptible(lambda: seen(registry, self.ref))
            if there and is_known(self.image, self.ref, there):
                return there
            try:
                return self._push(registry)
            except DogctlError as error:
                if error.code == refusals.TAG_IMMUTABLE and (
                    same := self.step.interruptible(lambda: self._same(registry))
                ):
                    return same
                if error.code not in refusals.PASSING or pause is None:
                    raise
                self.step.progress(f"{error.message}; again in {pause:.0f} s")
                self.step.sleep(pause)
        raise AssertionError("unreachable")

    def _push(self, registry: OciRegistry) -> Digest:
        login = self.place.login()
        layers = Layers()
        shown = monotonic()

        def listen(layer: Layer) -> None:
            nonlocal shown
            line = layers.hear(layer)
            if line:
                self.step.progress(line)
            if line or monotonic() - shown > GLANCE_SECONDS:
                shown = monotonic()
                self.step.glance(str(layers))

        try:
            digest = self.docker.push(
                self.ref,
                login.auth_config() if login else None,
                listen,
                self.step.stop,
            )
        except ToolError as error:
            if error.code != PUSH_REFUSED:
                raise
            raise cause(self.ref, error.detail, logged_in=login is not None) from error
        there = self.step.interruptible(lambda: registry.resolve(self.ref))
        if there is None or str(there) != (digest or str(there)):
            says = f"after a push of {digest}, the registry says {there}"
            raise refusals.failure(refusals.FAILED, self.ref, says=(says,))
        return there

    def _same(self, registry: OciRegistry) -> Digest | None:
        """The digest of a tag that nobody can move, if it is on this image already.

        So it is after a push whose answer was lost, and for another machine that built the same.
        """
        there = registry.resolve(self.ref)
        same = there is not None and str(registry.config(self.ref)) == self.image.id
        return there if same else None


def seen(registry: OciRegistry, ref: ImageRef) -> Digest | None:
    """What is under a tag before it is pushed, as far as the login may see. Raises DogctlError.

    Some registries let nobody look into a repository that is made by its first push. Whether this
    login may push is told by the push.
    """
    try:
        return registry.resolve(ref)
    except DogctlError as error:
        if error.code in (refusals.DENIED, refusals.NO_REPOSITORY):
            return None
        raise


def is_known(image: Image, ref: ImageRef, digest: Digest) -> bool:
    """Whether the engine knows a digest in a registry's repository to be this image."""
    return any(known.name == ref.name and known.digest == digest for known in image.known)


def cause(ref: ImageRef, says: tuple[str, ...], *, logged_in: bool) -> DogctlError:
    """Why the engine did not push; nearly always that is what the registry said."""
    text = "\n".join(says)
    if _GONE in text:
        return DogctlError(
            f"{ref} was removed from the engine", code="image-not-built", hint="dogctl build"
        )
    if _INCOMPLETE in text:
        return DogctlError(
            f"the engine has not all platforms of {ref}",
            code="image-incomplete",
            hint="dogctl build --force, with all platforms on this engine",
            detail=says,
        )
    return refusals.Refusal(ref, says=says, logged_in=logged_in).error()
