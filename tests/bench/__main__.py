"""Runs every measurement and prints a table; asserts nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench import charts, cleanup, deploy, images, planning, release, stack, visits
from tests.bench.commands import measure_commands, measure_up
from tests.bench.table import show
from tests.dogctl.chartrepos.charts import helm
from tests.testbed.debian import MissingPackages


def main() -> None:
    show("The command line, over python -c pass", measure_commands())
    with tempfile.TemporaryDirectory(prefix="dogctl-bench-") as folder:
        show("From dogctl up to a page that answers, on an idle machine", measure_up(Path(folder)))
        try:
            show(stack.TITLE, stack.measure_stack(Path(folder)))
            show(images.TITLE, images.measure_images(Path(folder)))
            show(charts.TITLE, charts.measure_index(Path(folder), helm("helm")))
            show(planning.TITLE, (*planning.measure_planning(), *planning.measure_scan()))
            show(cleanup.TITLE, cleanup.measure_limit(Path(folder)))
            show(
                cleanup.REGCTL_TITLE, cleanup.measure_regctl(Path(folder), cleanup.REGCTL.program())
            )
            show(release.TITLE, release.measure_release(Path(folder)))
            show(deploy.TITLE, deploy.measure_deploy(Path(folder)))
            show(visits.TITLE, visits.measure_visits())
        except MissingPackages as missing:
            print(f"  {missing}")


if __name__ == "__main__":
    main()
