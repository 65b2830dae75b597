"""What libraries say of choices that are deliberate here."""

import warnings

from elmo_lite.quiet import quiet_libraries


def test_warnings_about_deliberate_choices_are_silenced_alone() -> None:
    deliberate = "Sparse invariant checks are implicitly disabled. Memory errors (e.g. SEGFAULT) will occur"
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet_libraries():
            warnings.warn(deliberate, UserWarning, stacklevel=1)
            warnings.warn("the learning rate is odd", UserWarning, stacklevel=1)
        warnings.warn(deliberate, UserWarning, stacklevel=1)
    assert [str(warning.message)[:8] for warning in seen] == ["the lear", "Sparse i"]
