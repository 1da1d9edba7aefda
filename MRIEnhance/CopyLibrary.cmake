# Make DESTINATION a clean copy of the library in SOURCE (the folder MRIEnhanceLib): DESTINATION/mrienhance and
# DESTINATION/LICENSE. Only the kinds of files that belong to the package are taken: what editors, operating systems and
# Python leave beside them stays behind, and so does what a former copy had.
# Usage: cmake -DSOURCE=<folder> -DDESTINATION=<folder> -P CopyLibrary.cmake
file(REMOVE_RECURSE "${DESTINATION}")
file(COPY "${SOURCE}/LICENSE" DESTINATION "${DESTINATION}")
file(COPY "${SOURCE}/src/mrienhance" DESTINATION "${DESTINATION}"
  FILES_MATCHING
  PATTERN "*.py"
  PATTERN "py.typed"
  PATTERN "*.yaml"
  PATTERN "*.nii.gz"
  PATTERN "*.npz"
  PATTERN "*.safetensors"
  PATTERN "SHA256SUMS"
  PATTERN "README.md"
  PATTERN "__pycache__" EXCLUDE
  REGEX "/\\.[^/]*$" EXCLUDE
  )
