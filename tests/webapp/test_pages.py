from __future__ import annotations

import pytest
from jinja2 import Environment

from webapp.pages import NumberedPage


def page(template: str) -> NumberedPage:
    compiled = Environment(autoescape=True).from_string(template)
    return NumberedPage(lambda number: compiled.render(visitor=number))


def test_the_number_is_filled_in_as_the_template_prints_it() -> None:
    numbered = page('<b id="{{ visitor }}">{{ "{:,}".format(visitor) }}</b>')

    assert numbered.fill(1234567) == '<b id="1234567">1,234,567</b>'
    assert numbered.fill(1) == '<b id="1">1</b>'


def test_a_page_without_the_number_stays_as_it_is() -> None:
    assert page("no number").fill(7) == "no number"


def test_a_template_that_calculates_with_the_number_fails_at_once() -> None:
    with pytest.raises(TypeError):
        page("{{ visitor + 1 }}")
