"""The types of what the user decides. A setting is declared here once, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dogctl.config import parse
from dogctl.config.checks import Check, parse_checks
from dogctl.config.hooks import Hook, Stage, parse_hooks, parse_stages
from dogctl.secrets import Secret

# The origin of a value that nobody set.
DEFAULT = "default"


class Engine(StrEnum):
    """What runs the app on this machine."""

    AUTO = "auto"
    COMPOSE = "compose"
    PROCESS = "process"


class Target(StrEnum):
    """What kind of cluster an environment is on."""

    GKE = "gke"
    MINIKUBE = "minikube"
    KIND = "kind"
    CONTEXT = "context"


class Backup(StrEnum):
    """Whether the bundled database is dumped before a release or an uninstall touches it."""

    OFFERED = "offered"
    REQUIRED = "required"
    NEVER = "never"


@dataclass(frozen=True)
class Declaration:
    """How a setting is read and where it goes.

    Args:
        parse: reads a value; raises ValueError saying what it must be.
        env: the environment variable that gives it, if any.
        help: what it is, in a few words.
        secret: whether it may stand in an environment only, never in a file.
        app: whether the app gets it too, under the name of `env`.
        flag: the option that gives it, where it is not called like the setting.
    """

    parse: Callable[[Any], Any]
    env: str | None
    help: str
    secret: bool
    app: bool
    flag: str | None = None


SECRET_READERS = (parse.secret, parse.secret_url)


def _setting(
    read: Callable[[Any], Any],
    help: str,
    *,
    default: Any = None,
    env: str | None = None,
    app: bool = False,
    flag: str | None = None,
) -> Any:
    declaration = Declaration(read, env, help, read in SECRET_READERS, app, flag)
    return field(default_factory=lambda: default, metadata={"setting": declaration})


def _for_app(read: Callable[[Any], Any], help: str, env: str, *, default: Any = None) -> Any:
    return _setting(read, help, default=default, env=env, app=True)


@dataclass(frozen=True)
class Settings:
    """Every setting of a project in one environment."""

    name: str = _setting(parse.name, "what the app is called", default="app")
    engine: Engine = _setting(
        parse.one_of(Engine),
        "what runs the app on this machine: compose, process, or auto for the first that can",
        default=Engine.AUTO,
    )
    port: int = _for_app(parse.port, "port of the app on 127.0.0.1", "FLASK_PORT", default=5000)
    compose_file: str | None = _setting(
        parse.text, "compose file of the stack; without it the one that Compose would take"
    )
    compose_project: str | None = _setting(
        parse.name,
        "name of the stack; without it the app's name and a hash of the folder",
        env="COMPOSE_PROJECT_NAME",
    )
    service: str = _setting(parse.name, "the app's service in the compose file", default="app")
    database_service: str = _setting(
        parse.name, "the database's service in the compose file", default="database"
    )
    docker_repo: str | None = _setting(
        parse.repository,
        "repository of the image: docker.io/team/app; without a team it is the user's",
        env="DOCKER_REPO",
    )
    docker_username: str | None = _setting(
        parse.text, "user at the registry", env="DOCKER_USERNAME"
    )
    docker_password: Secret | None = _setting(
        parse.secret, "password or access token of that user", env="DOCKER_PASSWORD"
    )
    gcp_credentials: Secret | None = _setting(
        parse.secret, "key of a Google service account, as JSON", env="GCP_CREDENTIALS"
    )
    gcp_sa_key: Secret | None = _setting(
        parse.secret, "the same under its other name", env="GCP_SA_KEY"
    )
    build_context: str = _setting(
        parse.text, "folder that the image is built from, in the project", default="."
    )
    dockerfile: str = _setting(
        parse.text, "Dockerfile of the image, in the build context", default="Dockerfile"
    )
    build_target: str | None = _setting(
        parse.stage, "stage of the Dockerfile that becomes the image; without it the last one"
    )
    build_args: Mapping[str, str] = _setting(
        parse.assignments,
        "build arguments; never a secret",
        default=MappingProxyType({}),
        flag="--build-arg",
    )
    build_secrets: Mapping[str, Secret] = _setting(
        parse.secret_names,
        "environment variables that the build gets as BuildKit secrets",
        default=MappingProxyType({}),
    )
    platforms: tuple[str, ...] = _setting(
        parse.platforms,
        "platforms of the image, such as linux/amd64; without any the engine's own",
        default=(),
        env="DOCKER_DEFAULT_PLATFORM",
        flag="--platform",
    )
    tags: tuple[str, ...] = _setting(
        parse.tags,
        "tags besides version and commit, such as latest; {branch} is filled in",
        default=(),
    )
    cache_from: tuple[str, ...] = _setting(
        parse.caches,
        "where a build takes layers from, such as type=registry,ref=team/app:cache",
        default=(),
    )
    cache_to: tuple[str, ...] = _setting(
        parse.caches, "where a build leaves its layers", default=()
    )
    serve: tuple[str, ...] = _setting(
        parse.command,
        "command that serves the app; {python} and {port} are filled in",
        default=("{python}", "-m", "flask", "run", "--host", "127.0.0.1", "--port", "{port}"),
    )
    admin: tuple[str, ...] | None = _setting(
        parse.command, "the app's own admin command, which `dogctl gifs` runs"
    )
    health: str = _setting(
        parse.path, "path that answers 200 to 399 once the app can serve", default="/"
    )
    start_timeout: float = _setting(
        parse.seconds, "seconds to wait for the app to become healthy", default=60.0
    )
    stop_timeout: float = _setting(parse.seconds, "seconds the app may take to stop", default=10.0)
    checks: tuple[Check, ...] | None = _setting(
        parse_checks, "what `dogctl smoke` asks of the app; without it `/` and the health path"
    )
    variables: Mapping[str, str | Secret] = _setting(
        parse.variables,
        "environment variables for the app; the environment's own win",
        default=MappingProxyType({}),
    )
    protected: bool = _setting(
        parse.boolean,
        "refuse what is for tests only, such as faults on demand, and ask before more",
        default=False,
    )
    target: Target | None = _setting(
        parse.one_of(Target),
        "the environment's kind of cluster: gke, minikube, kind, or context for any other",
    )
    context: str | None = _setting(parse.text, "context of the kubeconfig, for the target context")
    cluster: str | None = _setting(
        parse.text,
        "cluster's name: at Google, minikube's profile, or kind's",
        env="GKE_CLUSTER_NAME",
    )
    project_id: str | None = _setting(parse.text, "Google Cloud project", env="PROJECT_ID")
    gcp_project: str | None = _setting(
        parse.text, "the same under its other name", env="GCP_PROJECT"
    )
    region: str | None = _setting(
        parse.text, "region or zone of the cluster at Google", env="REGION"
    )
    pin: str | None = _setting(
        parse.pin, "identity of the cluster, as `dogctl status` shows it; any other is refused"
    )
    release: str | None = _setting(
        parse.name, "name of the Helm release; without it the app's", env="HELM_RELEASE_NAME"
    )
    namespace: str | None = _setting(
        parse.name, "namespace of the release; without it Prometheus' or the release's name"
    )
    prometheus_namespace: str | None = _setting(
        parse.name, "namespace that Prometheus runs in", env="PROMETHEUS_NAMESPACE"
    )
    chart: str | None = _setting(
        parse.text,
        "chart: a folder, an archive, or oci://...; without it the only one in charts/, or dogctl's",
        flag="--chart",
    )
    chart_repository: str | None = _setting(
        parse.chart_repository,
        "where charts are published: s3://, gs://, oci://, https://OWNER.github.io/... or git+https://",
        env="CHART_REPOSITORY",
        flag="--repository",
    )
    github_token: Secret | None = _setting(
        parse.secret, "token that may push to a chart repository at GitHub", env="GITHUB_TOKEN"
    )
    values: tuple[str, ...] = _setting(
        parse.files,
        "files with values for the chart, the last one wins; over the chart's own values-ENV.yaml",
        default=(),
        flag="--values",
    )
    history: int = _setting(
        parse.revisions, "how many revisions of a release are kept to roll back to", default=10
    )
    release_timeout: float = _setting(
        parse.seconds, "seconds a release may take until every pod is ready", default=600.0
    )
    rollback_timeout: float = _setting(
        parse.seconds, "seconds a rollback may take, on its own account", default=300.0
    )
    app_secret: str | None = _setting(
        parse.name,
        "Secret with the app's variables; without it the one that its pods take whole",
    )
    backup: Backup = _setting(
        parse.one_of(Backup),
        "whether the bundled database is dumped before its image changes and before it goes:"
        " offered, required or never",
        default=Backup.OFFERED,
    )
    infra: str | None = _setting(
        parse.text, "folder of the environment's Terraform configuration, such as tf/gke"
    )
    state: str | None = _setting(
        parse.state,
        "where Terraform's state is: s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or local",
        env="TERRAFORM_STATE",
    )
    state_table: str | None = _setting(
        parse.text, "DynamoDB table that locks a state in S3; without it S3 itself does"
    )
    state_region: str | None = _setting(
        parse.text, "AWS region of the state and its table", env="AWS_REGION"
    )
    infra_values: Mapping[str, str] = _setting(
        parse.outputs,
        "values of the chart that are outputs of Terraform's",
        default=MappingProxyType({}),
    )
    infra_secrets: Mapping[str, str] = _setting(
        parse.outputs,
        "secrets of the app that are outputs of Terraform's",
        default=MappingProxyType({}),
    )
    ships_from: tuple[str, ...] = _setting(
        parse.refs,
        "branches and tags that are deployed to the environment; without any every one",
        default=(),
    )
    skip: tuple[Stage, ...] = _setting(
        parse_stages,
        "steps that a deploy leaves out",
        default=(),
    )
    publish_chart: bool = _setting(
        parse.boolean, "whether a deploy publishes the chart before the release", default=False
    )
    prune_keep: int | None = _setting(
        parse.count, "how many images and versions of the chart stay when a deploy prunes"
    )
    prune_older_than: str | None = _setting(
        parse.age, "how old images and versions of the chart are that a deploy prunes, such as 30d"
    )
    hooks: tuple[Hook, ...] = _setting(
        parse_hooks, "commands and Jobs before and after the steps of a deploy", default=()
    )
    approval_hours: float = _setting(
        parse.hours, "hours that an approved plan of a deploy is good for", default=24.0
    )
    faults: str | None = _for_app(parse.text, "faults on demand of the app, for tests", "FAULTS")
    database_url: Secret | None = _for_app(
        parse.secret_url, "database of the app; the default is SQLite", "DATABASE_URL"
    )
    db_engine: str | None = _for_app(parse.text, "mysql, mariadb or postgresql", "DB_ENGINE")
    db_host: str | None = _for_app(parse.text, "host of the database", "DB_HOST")
    db_port: int | None = _for_app(parse.port, "port of the database", "DB_PORT")
    db_name: str | None = _for_app(parse.text, "name of the database", "DB_NAME")
    db_user: str | None = _for_app(parse.text, "user of the database", "DB_USER")
    db_password: Secret | None = _for_app(parse.secret, "password of the database", "DB_PASSWORD")
    db_secret: Secret | None = _for_app(parse.secret, "a secret of the app", "DB_SECRET")
    secret_keys: Secret | None = _for_app(parse.secret, "secrets of the app", "SECRET_KEYS")


DECLARATIONS: Mapping[str, Declaration] = MappingProxyType(
    {f.name: f.metadata["setting"] for f in fields(Settings)}
)


@dataclass(frozen=True)
class Project:
    """A Flask app with all that was decided about it.

    Args:
        root: its folder.
        bundled: whether it is the app that comes with dogctl, run from outside any project.
        state: folder for data, logs and caches of the local stack.
        settings: the values.
        origins: where each value came from, by setting.
        environment: the environment's name, or None on a laptop.
        environments: the names of all declared environments.
    """

    root: Path
    bundled: bool
    state: Path
    settings: Settings
    origins: Mapping[str, str]
    environment: str | None
    environments: tuple[str, ...]

    def secrets(self) -> list[Secret]:
        """Every secret the settings hold, for the redactor."""
        values = [getattr(self.settings, name) for name in DECLARATIONS]
        values += [*self.settings.variables.values(), *self.settings.build_secrets.values()]
        return [value for value in values if isinstance(value, Secret)]
