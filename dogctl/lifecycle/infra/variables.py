"""What Terraform is told of an environment: variables and credentials, in its environment.

There nobody else sees them, and Terraform passes over those that a configuration does not declare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dogctl.errors import ConfigError
from dogctl.image import ImageRef

if TYPE_CHECKING:
    from dogctl.config.model import Project

_VARIABLE = "TF_VAR_"
_IMAGE = re.compile(r'^\s*variable\s+"image_(repository|tag|digest)"', re.MULTILINE)
# What would change what Terraform does, or where:
# https://developer.hashicorp.com/terraform/cli/config/environment-variables
_MEDDLING = ("TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR", "TF_INPUT")
_LOGS = ("TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER")


def variables(
    project: Project, image: ImageRef | None, environ: Mapping[str, str]
) -> Mapping[str, str]:
    """The variables that dogctl gives, as far as the settings have them."""
    settings = project.settings
    release = settings.release or settings.name
    found = {
        "name": settings.name,
        "environment": project.environment,
        "project_id": settings.project_id or settings.gcp_project,
        "region": settings.region,
        "cluster": settings.cluster,
        "release": release,
        "namespace": settings.namespace or settings.prometheus_namespace or release,
        **_cluster(project, environ),
        **({"image_repository": image.name} if image else {}),
        **({"image_tag": image.tag, "image_digest": _text(image.digest)} if image else {}),
    }
    return {name: value for name, value in found.items() if value is not None}


def environment(
    project: Project, image: ImageRef | None, environ: Mapping[str, str]
) -> Mapping[str, str]:
    """The whole environment of Terraform."""
    settings = project.settings
    key = settings.gcp_credentials or settings.gcp_sa_key
    ours = variables(project, image, environ)
    return {
        **dict(_unmeddled(environ)),
        **({"GOOGLE_CREDENTIALS": key.reveal()} if key else {}),
        **{f"{_VARIABLE}{name}": value for name, value in ours.items()},
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
    }


def check_variables(given: Mapping[str, str], plan: Mapping[str, Any], file: Path | None) -> None:
    """Raise ConfigError if a file of values says otherwise than the settings.

    Files win over the environment, and then Terraform would be at work on something else than
    dogctl: https://developer.hashicorp.com/terraform/language/values/variables
    """
    used = plan.get("variables") or {}
    for name, value in given.items():
        found = used.get(name, {}).get("value", value)
        if str(found) != value:
            raise ConfigError(
                f"the variable {name} is {found!r} in a .tfvars file, and {value!r} in the settings",
                code="variable-overruled",
                where=file.name if file else "terraform.tfvars",
                hint=f"leave {name} out of the file: dogctl gives it",
            )


def _unmeddled(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        # A log may hold secrets; with a path of its own it goes where the user wants it.
        unwanted = name in _LOGS and not environ.get("TF_LOG_PATH")
        if not name.startswith(_MEDDLING) and not unwanted:
            yield name, value


def _cluster(project: Project, environ: Mapping[str, str]) -> Mapping[str, str | None]:
    """The context of the environment's cluster and the file that has it, where there is one."""
    from dogctl.config.model import Target

    settings = project.settings
    match settings.target:
        case Target.MINIKUBE:
            context = settings.context or settings.cluster or "minikube"
        case Target.KIND:
            context = settings.context or f"kind-{settings.cluster or 'kind'}"
        case Target.CONTEXT if settings.context:
            context = settings.context
        case _:
            return {}
    files = [each for each in environ.get("KUBECONFIG", "").split(":") if each]
    default = Path(environ.get("HOME", "~")) / ".kube" / "config"
    return {"context": context, "kubeconfig": str(Path(files[0]).absolute() if files else default)}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def takes_image(project: Project) -> bool:
    """Whether the configuration asks for the image, so that it has to wait for that."""
    root = project.root / (project.settings.infra or "")
    return any(_IMAGE.search(file.read_text(errors="replace")) for file in root.glob("*.tf"))
