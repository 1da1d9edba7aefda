"""Which contrast a volume has, by what it is called."""

import types

import pytest

import volumes

NAMES = {
    "T1w": (
        *(
            "T1w",
            "sub-01_T1w",
            "sub-01_ses-2_acq-highres_run-1_T1w",
            "t1_mprage_sag_p2_iso",
            "T1",
            "MPRAGE",
            "3D T1 TFE",
        ),
        *("patient07-T1W_1", "5: t1 vibe tra", "Sag BRAVO", "T1 pre contrast", "t1_nativ", "T1 without contrast"),
        *("t1_se_tra", "Ax FSPGR 3D"),
    ),
    "T1c": (
        *(
            "sub-01_ce-gadolinium_T1w",
            "T1c",
            "t1ce",
            "T1 post",
            "t1_mprage_KM",
            "T1 +C GD",
            "T1+C",
            "Ax T1 post-contrast",
        ),
        *("t1gd", "T1 KM tra", "MPRAGE postGd"),
    ),
    "T2w": ("T2w", "sub-01_T2w", "t2_tse_tra", "Ax T2 FSE", "T2", "patient19-T2W", "t2_space_sag"),
    "FLAIR": (
        *("FLAIR", "sub-01_FLAIR", "t2_tirm_tra_dark-fluid", "T2 FLAIR", "t2_space_dark-fluid_sag", "Ax T2 FLAIR FS"),
        *("3D_Brain_VIEW_FLAIR_SHC", "Sag CUBE T2FLAIR"),
    ),
    "PDw": ("PDw", "sub-01_PDw", "pd_tse_tra", "Proton Density"),
    "": (
        *(
            "",
            "CT head",
            "Volume",
            "12",
            "t2star",
            "T2* GRE",
            "ep2d_dwi_ADC",
            "pd+t2_tse_tra",
            "T1 FLAIR",
            "T10",
            "SWI",
        ),
        *("MR spine", "t1t2", "partial", "Anna T."),
    ),
}


@pytest.mark.parametrize(("contrast", "name"), [(contrast, name) for contrast in NAMES for name in NAMES[contrast]])
def test_names(host, contrast, name):
    from MRIEnhanceBridge.contrasts import CONTRASTS, contrast_of

    assert contrast_of(name) == contrast
    assert contrast_of(name.upper()) == contrast
    assert contrast_of(name) in ("", *CONTRASTS)


def test_every_contrast_names_itself(host):
    from MRIEnhanceBridge.contrasts import CONTRASTS, contrast_of

    assert [contrast_of(name) for name in CONTRASTS] == list(CONTRASTS)


def test_a_volume_is_called_by_its_name_then_by_its_file(host):
    from MRIEnhanceBridge.contrasts import guess

    assert guess(None) == ""
    node = volumes.add(host, name="7: t2_tse_tra")
    assert guess(node) == "T2w"
    node.SetName("Volume")
    assert guess(node) == ""
    node.AddDefaultStorageNode()
    node.GetStorageNode().SetFileName("/data/T1w/sub-01_FLAIR.nii.gz")
    assert guess(node) == "FLAIR", "the folder tells nothing of the file"


class Database:
    """Slicer's DICOM database, with one file."""

    def __init__(self, **headers):
        self.headers = {tag.replace("_", ",")[1:]: value for tag, value in headers.items()}

    def instanceValue(self, uid, tag):  # noqa: N802 - as CTK names it
        assert uid == "1.2.3"
        return self.headers.get(tag, "")


@pytest.mark.parametrize(
    ("headers", "contrast"),
    [
        ({"_0008_103e": "t1_mprage_sag"}, "T1w"),
        ({"_0008_103e": "t1_mprage_sag", "_0018_0010": "Gadovist"}, "T1c"),
        ({"_0008_103e": "t2_tse", "_0018_0010": "Gadovist"}, "T2w"),
        ({"_0008_103e": "head", "_0018_1030": "FLAIR 3D"}, "FLAIR"),
        ({}, ""),
    ],
)
def test_dicom_headers_tell_where_names_do_not(host, monkeypatch, headers, contrast):
    from MRIEnhanceBridge import contrasts

    node = volumes.add(host, name="Series 3")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    assert contrasts.guess(node) == "", "there need be no database"
    monkeypatch.setattr(contrasts, "slicer", types.SimpleNamespace(dicomDatabase=Database(**headers)))
    assert contrasts.guess(node) == contrast


def test_an_agent_counts_for_a_name_too(host, monkeypatch):
    from MRIEnhanceBridge import contrasts

    node = volumes.add(host, name="4: t1_se_tra")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    monkeypatch.setattr(contrasts, "slicer", types.SimpleNamespace(dicomDatabase=Database(_0018_0010="Gd")))
    assert contrasts.guess(node) == "T1c"
