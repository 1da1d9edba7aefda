"""Which scan of a folder is the reference of a case of a batch run: told by their names."""

from __future__ import annotations

import re
from pathlib import Path

from slicer.i18n import tr as _

from MRIEnhanceBridge.cases import Case, find_cases
from MRIEnhanceBridge.contrasts import contrast_of
from MRIEnhanceBridge.errors import BridgeError

_LAST_WORD = re.compile(r"(.+?)[_. -]+([^_. -]+)")


def find_reference(case: str, source: Path, contrast: str | None = None, *, same_name: bool = True) -> Case:
    """The reference of a case: of the same name, or of one that differs in the contrast at its end.

    Parameters
    ----------
    case
        The case's name.
    source
        A folder with references, volumes or folders with DICOM; or the reference itself.
    contrast
        Of several, the one whose name says that it has this contrast.
    same_name
        Whether a scan with the case's own name may be it; not where the cases are in that folder too.

    Raises
    ------
    BridgeError
        If there is none, or if there are several.

    Examples
    --------
    >>> _person("sub-01_T2w"), _person("sub-01_acq-highres"), _person("anna")
    ('sub-01', 'sub-01_acq-highres', 'anna')
    """
    scans = find_cases(source)
    if source.is_file():
        return scans[0]
    found = [scan for scan in scans if scan.name == case] if same_name else []
    found = found or [scan for scan in scans if scan.name != case and _person(scan.name) == _person(case)]
    if len(found) > 1 and contrast:
        found = [scan for scan in found if contrast_of(scan.name) == contrast] or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise BridgeError(
            _("there is no reference for {case} in {folder}").format(case=case, folder=source),
            _("name it like the case, or so but for the contrast: sub-01_T1w for sub-01_T2w"),
        )
    names = ", ".join(scan.path.name for scan in found)
    raise BridgeError(
        _("there are several references for {case}: {names}").format(case=case, names=names),
        _("--reference-contrast says which, or leave one in the folder"),
    )


def _person(name: str) -> str:
    """A scan's name without the contrast at its end, if it names one."""
    parts = _LAST_WORD.fullmatch(name)
    return parts[1] if parts and contrast_of(parts[2]) else name
