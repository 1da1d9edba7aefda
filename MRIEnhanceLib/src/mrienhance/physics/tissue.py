"""What tissues of the head are made of, as far as MRI sees it: proton density, T1 and T2.

Values are for 3 T, rounded by hand to lie amid what the literature reports, which scatters by more than a tenth for one
and the same tissue: Stanisz et al. 2005 [1]_ (white and grey matter, muscle, blood), Wansapura et al. 1999 [2]_ (grey
and white matter), the review of Bojorquez et al. 2017 [3]_ (brain, fat, muscle, marrow), Kwan et al. 1999 [4]_ (the
classes of a simulated head at 1.5 T, proton densities, lesions of multiple sclerosis). Deep grey nuclei lie between
cortex and white matter by their iron and myelin. Where nothing was to hand (mucosa, skin, choroid plexus, dura) the
values are estimates, good enough to give each tissue a plausible brightness. They are for simulation, not a reference.

References
----------
.. [1] G. J. Stanisz et al., "T1, T2 relaxation and magnetization transfer in tissue at 3T", MRM 54, 2005.
.. [2] J. P. Wansapura et al., "NMR relaxation times in the human brain at 3.0 tesla", JMRI 9, 1999.
.. [3] J. Z. Bojorquez et al., "What are normal relaxation times of tissues at 3 T?", MRI 35, 2017.
.. [4] R. K.-S. Kwan, A. C. Evans, G. B. Pike, "MRI simulation-based evaluation of image-processing and classification
   methods", IEEE TMI 18, 1999.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tissue:
    """One tissue at 3 T.

    Attributes
    ----------
    density
        Proton density that MRI sees, relative to water, 0 to 1.
    t1, t2
        Relaxation times in ms.
    uptake
        Contrast agent that it holds some minutes after a usual dose, in mmol/l: about 0.5 in blood, nothing but what is
        in its blood behind the blood-brain barrier.
    fluid
        Whether its T1 is that of water at any field strength, and its motion takes signal away.
    """

    density: float
    t1: float
    t2: float
    uptake: float = 0.02
    fluid: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.density <= 1 and self.t1 > 0 and self.t2 > 0 and self.uptake >= 0):
            raise ValueError(f"no tissue is like this: {self}")


TISSUES = {
    "air": Tissue(0.0, 1000, 10, 0.0),
    "white matter": Tissue(0.70, 840, 70, 0.012),
    "cortex": Tissue(0.82, 1350, 92, 0.025),
    "cerebellar white matter": Tissue(0.71, 870, 74, 0.012),
    "cerebellar cortex": Tissue(0.81, 1300, 92, 0.025),
    "brainstem": Tissue(0.73, 940, 78, 0.015),
    "spinal cord": Tissue(0.72, 950, 78, 0.015),
    "thalamus": Tissue(0.77, 1080, 80, 0.02),
    "caudate": Tissue(0.81, 1260, 84, 0.02),
    "putamen": Tissue(0.80, 1180, 78, 0.02),
    "pallidum": Tissue(0.75, 980, 62, 0.02),
    "accumbens": Tissue(0.81, 1260, 88, 0.02),
    "hippocampus": Tissue(0.83, 1380, 102, 0.02),
    "amygdala": Tissue(0.83, 1340, 100, 0.02),
    "ventral diencephalon": Tissue(0.75, 980, 76, 0.02),
    "optic pathway": Tissue(0.73, 1000, 80, 0.02),
    "lesion": Tissue(0.85, 1500, 170, 0.03),
    "cerebrospinal fluid": Tissue(1.0, 4200, 1600, 0.0, fluid=True),
    "choroid plexus": Tissue(0.90, 1900, 120, 0.2),
    "artery": Tissue(0.85, 1650, 120, 0.5, fluid=True),
    "vein": Tissue(0.85, 1600, 60, 0.5, fluid=True),
    "dura": Tissue(0.70, 1100, 45, 0.25),
    "eye": Tissue(0.98, 3800, 900, 0.0, fluid=True),
    "muscle": Tissue(0.75, 1350, 40, 0.08),
    "fat": Tissue(0.90, 370, 110, 0.02),
    "skin": Tissue(0.65, 950, 40, 0.12),
    "mucosa": Tissue(0.85, 1500, 110, 0.35),
    "cortical bone": Tissue(0.06, 400, 8, 0.0),
    "marrow": Tissue(0.60, 520, 65, 0.05),
}
"""Every tissue of the head that label maps tell apart, by name."""
