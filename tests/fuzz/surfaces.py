"""Every surface that is fuzzed."""

from typing import Final

from tests.fuzz.client_surface import CLIENT
from tests.fuzz.document_surface import DOCUMENT
from tests.fuzz.folder_surface import FOLDER
from tests.fuzz.pages_surface import PAGES
from tests.fuzz.refusal_surface import REFUSAL
from tests.fuzz.settings_surface import SETTINGS
from tests.fuzz.surface import Surface
from tests.fuzz.text_surface import TEXT
from tests.fuzz.till_surface import TILL
from tests.fuzz.wire_surface import WIRE

SURFACES: Final[dict[str, Surface]] = {
    surface.name: surface
    for surface in (WIRE, REFUSAL, PAGES, CLIENT, TILL, DOCUMENT, FOLDER, SETTINGS, TEXT)
}
