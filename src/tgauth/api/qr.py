"""QR codes, as what a page draws: where it is dark."""

from itertools import groupby
from typing import Final

import segno

from tgauth.api.browser_views import QrCode

#: Modules of quiet around it (ISO/IEC 18004 §5.3.8).
_QUIET: Final = 4
#: Any mask can be read. Choosing the best one takes ten times as long as all the rest.
_MASK: Final = 3


def qr_code(text: str) -> QrCode:
    """Return the QR code of a text."""
    code = segno.make_qr(text, error="m", boost_error=False, mask=_MASK)
    lines = []
    for y, row in enumerate(code.matrix, _QUIET):
        x = _QUIET
        for is_dark, modules in groupby(row):
            length = len(list(modules))
            if is_dark:
                lines.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return QrCode(size=len(code.matrix) + 2 * _QUIET, path="".join(lines))
