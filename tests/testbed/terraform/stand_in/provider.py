"""The plugin protocol over the schema of a provider; what resources do is in a `Driver`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as grpc
from tf.types import Unknown

from tests.testbed.terraform.stand_in import planning, wire
from tests.testbed.terraform.stand_in.driver import Driver, Refused, State

RESOURCES = "resource_schemas"
DATA = "data_source_schemas"
NOTHING: frozenset[str] = frozenset()


class Provider(grpc.ProviderServicer):  # type: ignore[misc]
    """A provider with this schema."""

    def __init__(self, schema: Mapping[str, Any], driver: Driver) -> None:
        self._schema = schema
        self._driver = driver

    def GetMetadata(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """The names of what there is."""
        kinds = pb.GetMetadata
        return kinds.Response(
            server_capabilities=pb.ServerCapabilities(get_provider_schema_optional=True),
            resources=[kinds.ResourceMetadata(type_name=name) for name in self._schema[RESOURCES]],
            data_sources=[kinds.DataSourceMetadata(type_name=name) for name in self._schema[DATA]],
        )

    def GetProviderSchema(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """What there is."""
        hidden = self._driver.sensitive

        def schemas(kind: str) -> dict[str, pb.Schema]:
            return {
                name: wire.schema(each, hidden.get(name, NOTHING))
                for name, each in self._schema[kind].items()
            }

        return pb.GetProviderSchema.Response(
            provider=wire.schema(self._schema["provider"], hidden.get("", NOTHING)),
            resource_schemas=schemas(RESOURCES),
            data_source_schemas=schemas(DATA),
        )

    def GetFunctions(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """None."""
        return pb.GetFunctions.Response()

    def ValidateProviderConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Terraform has compared it with the schema."""
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Terraform has compared it with the schema."""
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Terraform has compared it with the schema."""
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Take the provider's block."""
        response = pb.ConfigureProvider.Response
        try:
            self._driver.configure(planning.known(wire.read(request.config)) or {})
        except Refused as refused:
            return response(diagnostics=wire.error(str(refused), refused.detail))
        return response()

    def UpgradeResourceState(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """A state that was saved."""
        state = json.loads(request.raw_state.json)
        return pb.UpgradeResourceState.Response(upgraded_state=self._write(request, state))

    def ReadResource(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """What has become of it."""
        response = pb.ReadResource.Response
        state = wire.read(request.current_state)
        try:
            found = self._driver.read(request.type_name, state)
        except Refused as refused:
            complaint = wire.error(str(refused), refused.detail)
            return response(new_state=request.current_state, diagnostics=complaint)
        return response(new_state=self._write(request, found))

    def PlanResourceChange(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """What will be."""
        response = pb.PlanResourceChange.Response
        prior, proposed = wire.read(request.prior_state), wire.read(request.proposed_new_state)
        if proposed is None:
            return response(planned_state=request.proposed_new_state, legacy_type_system=True)
        kind, driver, block = request.type_name, self._driver, self._block(request)
        planned = planning.with_defaults(proposed, driver.defaults(kind))
        if prior is not None:
            planned = planning.with_prior(planned, prior, block)
        planned = driver.plan(kind, prior, planned, wire.read(request.config))
        new: list[str] = []
        if prior is None:
            planned = planning.with_unknown(planned, block, driver.computed(kind))
        else:
            new = planning.replaced(planned, prior, driver.force_new(kind))
        return response(
            planned_state=wire.write(planning.conform(planned, block)),
            requires_replace=[wire.path(name) for name in new],
            legacy_type_system=True,
        )

    def ApplyResourceChange(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Do it."""
        response = pb.ApplyResourceChange.Response
        prior = wire.read(request.prior_state)
        planned = planning.known(wire.read(request.planned_state))
        try:
            state = self._apply(request.type_name, prior, self._told(request, planned))
        except Refused as refused:
            left = (
                request.prior_state if refused.left is None else self._write(request, refused.left)
            )
            complaint = wire.error(str(refused), refused.detail)
            return response(new_state=left, diagnostics=complaint, legacy_type_system=True)
        return response(new_state=self._write(request, state), legacy_type_system=True)

    def ImportResourceState(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """A resource by its id, to be read next."""
        found = pb.ImportResourceState.ImportedResource(
            type_name=request.type_name, state=self._write(request, {"id": request.id})
        )
        return pb.ImportResourceState.Response(imported_resources=[found])

    def MoveResourceState(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """Not from another type."""
        return pb.MoveResourceState.Response(diagnostics=wire.error("Move is not supported"))

    def ReadDataSource(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """What it says."""
        response = pb.ReadDataSource.Response
        config = wire.read(request.config)
        try:
            found = self._driver.data(request.type_name, planning.known(config))
        except Refused as refused:
            return response(diagnostics=wire.error(str(refused), refused.detail))
        return response(state=self._write(request, found, DATA))

    def StopProvider(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """What has begun is brought to its end."""
        return pb.StopProvider.Response()

    def _apply(self, kind: str, prior: State | None, planned: State | None) -> State | None:
        if planned is None:
            self._driver.delete(kind, prior or {})
            return None
        if prior is None:
            return self._driver.create(kind, planned)
        return self._driver.update(kind, prior, planned)

    def _told(self, request: Any, planned: State | None) -> State | None:
        """The plan with the values that Terraform tells only now, and does not keep."""
        config = wire.read(request.config)
        if planned is None or config is None:
            return planned
        told = {name: value for name, value in config.items() if wire.is_write_only(name)}
        return {**planned, **{name: value for name, value in told.items() if value is not Unknown}}

    def _block(self, request: Any, kinds: str = RESOURCES) -> Any:
        return self._schema[kinds][request.type_name]["block"]

    def _write(self, request: Any, state: State | None, kinds: str = RESOURCES) -> Any:
        if state is None:
            return wire.write(None)
        return wire.write(planning.conform(planning.known(state), self._block(request, kinds)))
