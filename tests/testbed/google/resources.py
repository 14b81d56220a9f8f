"""The resources of a project, as Terraform makes them and as Google's APIs show them.

`Resources.answer` is what the stand-in of Terraform's provider asks. It stands for the calls with
which the real one makes a resource and waits for it; refusals are in the words of the real APIs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from tests.testbed.google import faults
from tests.testbed.google.answers import Answer, disabled, error
from tests.testbed.google.faults import Fault
from tests.testbed.google.kinds import KINDS, NUMBER, STANDARD, State

PATH = re.compile(r"/terraform/(\w+)/(create|read|update|delete|data)")
NETWORK, SUBNETWORK = "google_compute_network", "google_compute_subnetwork"
CLUSTER = "google_container_cluster"
INSTANCE = "google_sql_database_instance"
SERVICE = "google_project_service"
CONNECTION = "google_service_networking_connection"
BUCKET = "google_storage_bucket"
# Attributes that name a network or a subnetwork.
PLACES = {NETWORK: ("network", "private_network"), SUBNETWORK: ("subnetwork",)}
# What goes with what it belongs to, and the attribute that says to what.
BELONGS = {
    NETWORK: ((CONNECTION, "network"),),
    CLUSTER: (("google_container_node_pool", "cluster"),),
    INSTANCE: (("google_sql_database", "instance"), ("google_sql_user", "instance")),
    "google_secret_manager_secret": (("google_secret_manager_secret_version", "secret"),),
    "google_service_account": (("google_service_account_key", "service_account_id"),),
}
Key = tuple[str, str]
Hook = Callable[[State], State]


@dataclass
class Resources:
    """All resources of a project by type and id; tests change them at will.

    `services` are the APIs that the project uses, `calls` what Terraform did: verb, type and id.
    `made` may add to a new resource, `changed` and `gone` hear of one that is changed or is no more,
    all by type. `running`
    says what controllers of clusters keep at Compute Engine, by id; `left` is what is left there of
    controllers that are no more, or that a test puts there. `content` are the names of the objects
    in a bucket.
    """

    project: str
    services: set[str] = field(default_factory=lambda: set(STANDARD))
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    made: dict[str, Hook] = field(default_factory=dict)
    changed: dict[str, Callable[[State], None]] = field(default_factory=dict)
    gone: dict[str, Callable[[State], None]] = field(default_factory=dict)
    running: Callable[[], Mapping[str, State]] = dict
    left: dict[str, State] = field(default_factory=dict)
    content: Callable[[str], list[str]] = lambda _bucket: []
    _known: dict[Key, State] = field(default_factory=dict)
    _used_names: set[str] = field(default_factory=set)
    _lock: RLock = field(default_factory=RLock)

    def all(self, kind: str) -> list[State]:
        """Those of a type."""
        with self._lock:
            return [state for (of, _), state in self._known.items() if of == kind]

    def __iter__(self) -> Iterator[Key]:
        """What there is: types and ids."""
        with self._lock:
            return iter(list(self._known))

    def get(self, kind: str, identity: str) -> State | None:
        """One of them, to be changed at will: what Terraform then finds is drift."""
        return self._known.get((kind, identity))

    def remove(self, kind: str, identity: str) -> None:
        """Take one away behind Terraform's back. Raises KeyError."""
        with self._lock:
            state = self._known.pop((kind, identity))
            self._forget(kind, state)

    def answer(self, path: str, caller: str, body: Any) -> Answer | None:
        """The answer to the stand-in of the provider; None if it is for another API."""
        found = PATH.fullmatch(path)
        if found is None:
            return None
        kind, verb = found.groups()
        state = body["state"]
        if verb == "data":
            return self.data(kind, state, caller)
        if (fault := self._fault(kind, verb)) is not None:
            time.sleep(fault.seconds)
            if fault.answer is not None:
                return self._left(kind, state, fault) if fault.leaves else fault.answer
        if kind not in KINDS:
            return error(501, "UNIMPLEMENTED", f"{kind} is not in this stand-in")
        if KINDS[kind].api not in self.services:
            return disabled(self.project, f"{KINDS[kind].api}.googleapis.com")
        with self._lock:
            self.calls.append((verb, kind, str(state.get("id") or KINDS[kind].made(state)["id"])))
            return {"create": self.create, "update": self.update}.get(verb, self.other(verb))(
                kind, state
            )

    def other(self, verb: str) -> Callable[[str, State], Answer]:
        """The two verbs that only need an id."""
        return self.delete if verb == "delete" else self.read

    def read(self, kind: str, state: State) -> Answer:
        """As it is now; nothing if it is gone."""
        return 200, {"state": self._known.get((kind, state["id"]))}

    def create(self, kind: str, state: State) -> Answer:
        """Make it, unless its name is taken."""
        new = KINDS[kind].made(state)
        if kind == INSTANCE and new["name"] in self._used_names:
            return faults.refused(409, "instanceAlreadyExists", NAME_USED)
        if (kind, new["id"]) in self._known and kind != SERVICE:
            return already(kind, new["id"])
        if refusal := self._missing(kind, new):
            return refusal
        self._put(kind, new)
        return 200, {"state": self._known[kind, new["id"]]}

    def update(self, kind: str, state: State) -> Answer:
        """Change it."""
        known = self._known.get((kind, state["id"]))
        if known is None:
            return error(404, "NOT_FOUND", f"Not found: {state['id']}.")
        known.update({name: value for name, value in state.items() if value is not None})
        if kind in self.changed:
            self.changed[kind](known)
        return 200, {"state": known}

    def delete(self, kind: str, state: State) -> Answer:
        """Remove it, unless others need it; what is gone already is gone."""
        known = self._known.get((kind, state["id"]))
        if known is None:
            return 200, {}
        if refusal := self._needed(kind, known):
            return refusal
        del self._known[kind, known["id"]]
        self._forget(kind, known)
        return 200, {}

    def data(self, kind: str, config: State, caller: str) -> Answer:
        """What a data source says."""
        said: dict[str, State] = {
            "google_client_config": {"id": "client", "project": self.project},
            "google_client_openid_userinfo": {"id": caller, "email": caller},
            "google_project": {
                "id": f"projects/{self.project}",
                "project_id": self.project,
                "name": self.project,
                "number": NUMBER,
            },
        }
        if kind in said:
            return 200, {"state": {**config, **said[kind]}}
        if kind not in KINDS:
            return error(501, "UNIMPLEMENTED", f"{kind} is not in this stand-in")
        identity = KINDS[kind].made(config)["id"]
        found = self._known.get((kind, identity))
        if found is None:
            return error(404, "NOT_FOUND", f"Not found: {identity}.")
        return 200, {"state": found}

    def users(self, kind: str, state: State) -> list[str]:
        """The ids of what is in a network or a subnetwork, controllers' doings among it."""
        made = {
            identity: known for (of, identity), known in self._known.items() if of != CONNECTION
        }
        return sorted(
            identity
            for identity, known in {**made, **self.in_compute()}.items()
            if identity != state["id"] and names(known, PLACES.get(kind, ()), state["name"])
        )

    def in_compute(self) -> dict[str, State]:
        """Everything at Compute Engine by id, whoever made it."""
        made = {
            identity: known
            for (_, identity), known in self._known.items()
            if re.match(r"projects/[^/]+/(global|regions|zones)/", identity)
        }
        return {**made, **self.running(), **self.left}

    def _fault(self, kind: str, verb: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if (fault.kind, fault.verb) == (kind, verb) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def _left(self, kind: str, state: State, fault: Fault) -> Answer:
        """The answer of an operation that failed, with what it left."""
        code, body = fault.answer or (200, {})
        with self._lock:
            new = KINDS[kind].made(state)
            self._put(kind, {**new, "status": fault.leaves})
        return code, body and {**body, "left": self._known[kind, new["id"]]}

    def _put(self, kind: str, new: State) -> None:
        if kind == SERVICE:
            self.services.add(new["service"].partition(".")[0])
        hook = self.made.get(kind)
        self._known[kind, new["id"]] = {**new, **hook(new)} if hook else new

    def _forget(self, kind: str, state: State) -> None:
        if kind == SERVICE and state.get("disable_on_destroy"):
            self.services.discard(state["service"].partition(".")[0])
        if kind == INSTANCE:
            self._used_names.add(state["name"])
        for of, attribute in BELONGS.get(kind, ()):
            for part in self.all(of):
                if part[attribute] in (state["id"], state.get("name"), state.get("self_link")):
                    del self._known[of, part["id"]]
        if kind in self.gone:
            self.gone[kind](state)

    def _missing(self, kind: str, new: State) -> Answer | None:
        """A private address needs the connection to Google's own network first."""
        if kind == INSTANCE and (networks := list(found(new, ("private_network",)))):
            (name,) = {each.rpartition("/")[2] for each in networks}
            if not any(names(each, ("network",), name) for each in self.all(CONNECTION)):
                return faults.refused(400, "networkNotPeered", NOT_PEERED.format(networks[0]))
        return None

    def _needed(self, kind: str, known: State) -> Answer | None:
        if kind in PLACES and (users := self.users(kind, known)):
            return faults.in_use(kind.rpartition("_")[2], known["id"], users[0])
        if kind == BUCKET and self.content(known["name"]) and not known.get("force_destroy"):
            return faults.refused(409, "conflict", NOT_EMPTY)
        if kind == CONNECTION:
            network = known["network"].rpartition("/")[2]
            if any(names(each, ("private_network",), network) for each in self.all(INSTANCE)):
                return error(400, "FAILED_PRECONDITION", STILL_PEERED)
        return None


NAME_USED = (
    "The Cloud SQL instance already exists. When you delete an instance, you can't reuse the name"
    " of the deleted instance until one week from the deletion date."
)
NOT_EMPTY = "The bucket you tried to delete is not empty."
NOT_PEERED = (
    "Invalid request: Incorrect Service Networking config for instance: network {} is not peered"
    " with servicenetworking.googleapis.com"
)
STILL_PEERED = (
    "Failed to delete connection; Producer services (e.g. CloudSQL, Cloud Memstore, etc.) are"
    " still using this connection."
)


def already(kind: str, identity: str) -> Answer:
    """What is there already, in the words of its API."""
    if kind.startswith("google_compute_"):
        return faults.exists(identity)
    if kind == BUCKET:
        message = (
            "Your previous request to create the named bucket succeeded and you already own it."
        )
        return faults.refused(409, "conflict", message)
    if kind == INSTANCE:
        return faults.refused(409, "instanceAlreadyExists", NAME_USED)
    return faults.refused(409, "alreadyExists", f"Already exists: {identity}.")


def names(state: Any, attributes: tuple[str, ...], name: str) -> bool:
    """Whether such an attribute, however deep, has something of that name."""
    return any(each.rpartition("/")[2] == name for each in found(state, attributes))


def found(state: Any, attributes: tuple[str, ...]) -> Iterator[str]:
    """The values of such attributes, however deep."""
    if isinstance(state, list):
        for each in state:
            yield from found(each, attributes)
    elif isinstance(state, Mapping):
        for name, value in state.items():
            if name in attributes and isinstance(value, str) and value:
                yield value
            else:
                yield from found(value, attributes)
