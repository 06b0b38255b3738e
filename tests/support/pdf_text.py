"""What a PDF says, as a reader would copy it."""

import io

from pypdf import PdfReader


def page_texts(pdf: bytes) -> list[str]:
    """The text of each page, its line breaks as spaces."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]
