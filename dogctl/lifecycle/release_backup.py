"""A dump of the database that a release runs itself, before its image changes."""

from __future__ import annotations

from dogctl.config.model import Backup
from dogctl.execution import preview
from dogctl.lifecycle.backup import Dump, default_file, dump
from dogctl.lifecycle.database import Database, Server, find_database
from dogctl.lifecycle.manifest import objects
from dogctl.lifecycle.release_steps import Comparison, Work
from dogctl.plan import Plan, Results, Run, Step

STEP = "backup"


def backup_step(work: Work) -> Step:
    """Save the database if its image changes, as the setting `backup` or the user wants it.

    What fails here fails before anything has changed.
    """
    wish = work.project.settings.backup
    saves = work.options.backup or wish is Backup.REQUIRED

    def done(results: Results) -> str | None:
        unasked = wish is Backup.NEVER and not saves
        return "not needed" if unasked or not touched(results["compare"]) else None

    def run(step: Run) -> Dump | None:
        compared: Comparison = step.results["compare"]
        database = touched(compared)
        if database is None or compared.latest is None:
            raise AssertionError("only a database that is touched is saved")
        if not saves:
            step.progress("the database is not saved; --backup does that first")
            return None
        path = default_file(work.project, database, "-before-release")
        server = Server(work.cluster, database)
        step.progress(f"to {path}")
        return dump(work.project, server, compared.latest, path, work.remember, step)

    def change(results: Results) -> str:
        database = touched(results["compare"]) if "compare" in results else None
        if database is None:
            return "the database stays as it is"
        says = "save it first" if saves else "--backup saves it first"
        return f"the database's image changes: {says}"

    return Step(STEP, change, run, needs=("compare", "lock"), done=done)


def touched(compared: Comparison) -> Database | None:
    """The release's database, if what it runs changes or it goes."""
    old = find_database(objects(compared.latest.manifest)) if compared.latest else None
    new = find_database(compared.manifest)
    return old if old and (new is None or new.image != old.image) else None


def is_offered(plan: Plan) -> bool:
    """Whether a release would go on without saving a database that it touches."""
    return any(each.step == STEP and each.status is None for each in preview(plan))
