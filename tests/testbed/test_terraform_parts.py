"""The parts of the stand-ins of Terraform's providers that need neither Terraform nor a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.google.faults import refused
from tests.testbed.google.listings import matching
from tests.testbed.google.storage import Request, parts
from tests.testbed.terraform import wheels
from tests.testbed.terraform.schema import Sources, camel, folder_of
from tests.testbed.terraform.stand_in import google_facts, helm_values
from tests.testbed.terraform.stand_in.driver import Refused

CODE = """
class Kennel extends cdktf.TerraformResource {
    constructor(scope, id, config) {
        super(scope, id, {
            terraformResourceType: 'pets_kennel',
        });
        // dogs - computed: false, optional: true, required: false
        this._dogs = new KennelDogsList(this, "dogs", false);
    }
    // address - computed: true, optional: false, required: false
    get address() {
        return this.getStringAttribute('address');
    }
    synthesizeHclAttributes() {
        const attrs = {
            name: {
                value: cdktf.stringToHclTerraform(this._name),
                isBlock: false,
                type: "simple",
                storageClassType: "string",
            },
            dogs: {
                value: cdktf.listMapperHcl(kennelDogsToHclTerraform, true)(this._dogs),
                isBlock: true,
                type: "list",
                storageClassType: "KennelDogsList",
            },
        };
    }
}
function kennelDogsToHclTerraform(struct) {
    const attrs = {
        breeds: {
            value: cdktf.listMapperHcl(cdktf.stringToHclTerraform, false)(struct.breeds),
            isBlock: false,
            type: "set",
            storageClassType: "stringList",
        },
    };
    return attrs;
}
"""
DECLARATIONS = """
export interface KennelConfig extends cdktf.TerraformMetaArguments {
    readonly name: string;
    readonly dogs?: KennelDogs[] | cdktf.IResolvable;
}
export interface KennelDogs {
    readonly breeds: string[];
}
"""
BREEDS = {"breeds": {"type": ["set", "string"], "required": True}}


def kennel(*, objects: bool) -> Any:
    sources = Sources(CODE, DECLARATIONS, objects)
    name = sources.resource("pets_kennel")
    return sources.top(f"{name}Config", sources.classes[name])


def test_a_schema_is_read_from_compiled_sources() -> None:
    assert kennel(objects=False) == {
        "attributes": {
            "address": {"type": "string", "computed": True},
            "name": {"type": "string", "required": True},
        },
        "block_types": {
            "dogs": {
                "nesting_mode": "list",
                "block": {"attributes": BREEDS, "block_types": {}},
            }
        },
    }


def test_nested_attributes_of_newer_providers() -> None:
    nested = {"nesting_mode": "list", "attributes": BREEDS}
    assert kennel(objects=True)["attributes"]["dogs"] == {"nested_type": nested, "optional": True}


def test_a_type_that_is_not_there() -> None:
    with pytest.raises(LookupError, match="pets_cattery"):
        Sources(CODE, DECLARATIONS).resource("pets_cattery")


def test_names() -> None:
    assert camel("node_pool") == "nodePool"
    assert folder_of("google_container_cluster") == "container-cluster"
    assert folder_of("data.google_project") == "data-google-project"
    assert folder_of("random_string") == "string-resource"


def test_the_types_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    (tmp_path / "main.tf").write_text('data "google_project" "this" {}\n')
    (tmp_path / "module/main.tf").write_text(
        'resource "helm_release" "this" {\n}\nresource "terraform_data" "this" {\n}\n'
        '# resource "google_project" "no"\n'
    )
    assert wheels.used(tmp_path) == {"data.google_project", "helm_release"}


SETTINGS = {
    "text": ({"name": "a", "value": "b"}, {"a": "b"}),
    "deep": ({"name": "a.b", "value": "1"}, {"a": {"b": 1}}),
    "escaped": ({"name": r"a.b\.c", "value": "true"}, {"a": {"b.c": True}}),
    "string": ({"name": "a", "value": "007", "type": "string"}, {"a": "007"}),
    "zeroes": ({"name": "a", "value": "007"}, {"a": "007"}),
    "list": ({"name": "a", "value": "{x,1}"}, {"a": ["x", 1]}),
    "whole": ({"name": "a", "value": ["x", "y"]}, {"a": ["x", "y"]}),
}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_settings_of_a_release(name: str) -> None:
    setting, expected = SETTINGS[name]
    assert json.loads(helm_values.from_settings([setting])) == expected


def test_settings_together() -> None:
    settings = [{"name": "a.b", "value": "x"}, {"name": "a.c", "value": "y"}]
    assert json.loads(helm_values.from_settings(settings)) == {"a": {"b": "x", "c": "y"}}
    with pytest.raises(Refused, match="elements of lists"):
        helm_values.from_settings([{"name": "a[0]", "value": "x"}])


def test_what_the_provider_says_before_it_quotes_google() -> None:
    assert google_facts.before("google_compute_network", "create", "n") == (
        "Error creating Network: "
    )
    assert google_facts.before("google_sql_database_instance", "create", "dogs") == (
        "Error, failed to create instance dogs: "
    )


def test_filters_of_lists() -> None:
    bodies = [{"name": "a", "labels": {"env": "dev", "by": "us"}}, {"name": "b"}]
    assert [each["name"] for each in matching(bodies, 'labels.env="dev"')] == ["a"]
    assert [each["name"] for each in matching(bodies, "labels.env:dev AND labels.by:us")] == ["a"]
    assert matching(bodies, "labels.env=dev labels.by=them") == []
    assert len(matching(bodies, "")) == 2


def test_an_upload_in_two_parts_keeps_every_byte() -> None:
    content = b"line\r\nline\n\r\n"
    about = b'--x\r\nContent-Type: application/json\r\n\r\n{"name": "a"}\r\n'
    whole = about + b"--x\r\nContent-Type: text/plain\r\n\r\n" + content + b"\r\n--x--\r\n"
    request = Request(
        "POST", "/upload", {"uploadType": "multipart"}, whole, "multipart/related; boundary=x"
    )
    assert parts(request) == ({"name": "a"}, content, "text/plain")


def test_older_errors() -> None:
    code, body = refused(403, "quotaExceeded", "Too much.")
    assert (code, body["error"]["errors"][0]["reason"]) == (403, "quotaExceeded")
