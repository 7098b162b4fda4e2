"""The histograms of the value losses decode to their targets."""

import numpy as np

from clsviz.exhibits.value_targets import BINS, HIGH, LOW, _decoding, centres


def test_a_histogram_decodes_to_its_target_within_the_bin_error():
    numbers, width = _decoding(0), (HIGH - LOW) / BINS
    assert numbers["decode_inside"] < 1e-3 * width
    assert numbers["decode_ends"] < width, "at the ends half of the bell is cut off"
    assert numbers["decode_two_hot"] < 1e-12


def test_bins_stand_for_their_middle_and_atoms_for_themselves():
    assert np.isclose(centres("hl_gauss")[0], LOW + (HIGH - LOW) / BINS / 2)
    assert centres("two_hot")[[0, -1]].tolist() == [LOW, HIGH]
